/** Who may do what; what is observed; scripts. */
import { integer, oneOf, text, yesNo } from './directive.ts';
import { eventClasses, fileLines, percentiles } from './special-kinds.ts';

const NO_SLOW_LOG = 'the slow log is not there yet';
const NO_ACL_LOG = 'refusals are not kept yet (ACL LOG)';

export const security = {
  requirepass: text({
    initial: '',
    binary: true,
    since: '1.0.0',
    sensitive: true,
    doc: 'Password of the default user; empty lets everybody in.',
  }),
  aclfile: text({
    initial: '',
    since: '6.0.0',
    fixed: true,
    doc: 'File with one user a line. Users then may not stand in the configuration.',
    notApplicable: 'there are no ACL users yet, and a server that is given some does not start',
  }),
  'acl-pubsub-default': oneOf(['allchannels', 'resetchannels'], {
    initial: 'resetchannels',
    since: '6.2.0',
    doc: 'Which channels a new user may use: all or none.',
    notApplicable: 'there are no ACL users yet',
  }),
  'acllog-max-len': integer({
    initial: 128,
    since: '6.0.0',
    doc: 'How many refusals ACL LOG keeps.',
    notApplicable: NO_ACL_LOG,
  }),
  'enable-protected-configs': oneOf(['no', 'yes', 'local'], {
    initial: 'no',
    since: '7.0.0',
    fixed: true,
    doc: 'Who may change dir, dbfilename and the like: nobody, everybody, or clients on this machine.',
  }),
  'enable-debug-command': oneOf(['no', 'yes', 'local'], {
    initial: 'no',
    since: '7.0.0',
    fixed: true,
    doc: 'Who may use DEBUG: nobody, everybody, or clients on this machine.',
  }),
  'enable-module-command': oneOf(['no', 'yes', 'local'], {
    initial: 'no',
    since: '7.0.0',
    fixed: true,
    doc: 'Who may use MODULE.',
    notApplicable: 'modules are compiled for redis-server and cannot be loaded',
  }),
} as const;

export const observation = {
  'notify-keyspace-events': eventClasses({
    initial: '',
    since: '2.8.0',
    // What is shown of it does not tell all.
    volatile: true,
    doc: 'Which changes of keys are published, and where: K by key, E by event; empty publishes none.',
  }),
  'slowlog-log-slower-than': integer({
    initial: 10_000,
    min: -1,
    since: '2.2.12',
    doc: 'Microseconds from which on a command is slow; -1 logs none.',
    notApplicable: NO_SLOW_LOG,
  }),
  'slowlog-max-len': integer({
    initial: 128,
    since: '2.2.12',
    doc: 'How many slow commands are kept.',
    notApplicable: NO_SLOW_LOG,
  }),
  'latency-monitor-threshold': integer({
    initial: 0,
    since: '2.8.13',
    doc: 'Milliseconds from which on an event is noted (LATENCY); 0 notes none.',
    notApplicable: 'single events are not measured yet; INFO latencystats has the commands',
  }),
  'latency-tracking': yesNo({
    initial: true,
    since: '7.0.0',
    doc: 'Keep the latencies of every command (INFO latencystats).',
  }),
  'latency-tracking-info-percentiles': percentiles({
    initial: [50, 99, 99.9],
    since: '7.0.0',
    doc: 'Which percentiles are shown there.',
  }),
  'busy-reply-threshold': integer({
    initial: 5000,
    since: '7.0.0',
    aliases: ['lua-time-limit'],
    doc: 'Milliseconds after which others are told that a script keeps the server busy.',
    notApplicable: 'a running script cannot be interrupted yet',
  }),
} as const;

/** These stand in files only. */
export const fileOnly = {
  include: fileLines({
    since: '2.4.0',
    allowed: 'a path; may hold * ? [a-z]',
    doc: 'Reads another file at this place.',
    why: needs(1, 1),
  }),
  user: fileLines({
    since: '6.0.0',
    allowed: 'a name and ACL rules',
    doc: 'A user, as ACL SETUSER would make it.',
    why: needs(1, Number.POSITIVE_INFINITY),
    notApplicable: 'there are no ACL users yet, and a server that is given some does not start',
  }),
  'rename-command': fileLines({
    since: '1.3.10',
    allowed: 'a command and its new name; "" takes it away',
    doc: 'Gives a command another name.',
    why: needs(2, 2),
    notApplicable: 'commands cannot be renamed yet, and a server that is told to does not start',
  }),
  loadmodule: fileLines({
    since: '4.0.0',
    allowed: 'nothing: there are no modules',
    doc: 'Loads a module.',
    notApplicable: 'modules are compiled for redis-server and cannot be loaded',
    // A server without the commands that its users count on must not start.
    why: () => 'modules cannot be loaded',
  }),
} as const;

function needs(least: number, most: number): (words: readonly string[]) => string | null {
  return (words) => (words.length < least || words.length > most ? 'Bad directive or wrong number of arguments' : null);
}
