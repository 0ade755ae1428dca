/** Sockets, clients and the process itself. */
import { integer, memory, oneOf, port, smallInteger, someOf, text, yesNo } from './directive.ts';
import { addresses, bufferLimits, memoryOrPercent, octal, oomScores } from './special-kinds.ts';

const NO_SUCH_THREADS = 'commands run on one thread, and Node does the reading and writing of sockets';
const NO_CPU_LISTS = 'Node cannot bind its threads to processors; start the server under taskset instead';
const NO_SYSLOG = 'the log goes to logfile or standard output; a service manager brings it to syslog';
const NO_CRASH_HANDLER = 'a broken invariant ends the process with a JavaScript stack in any case';
const NO_OOM_SCORES = 'the out-of-memory score is left to the service manager';
const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force'] as const;

export const network = {
  port: port({ initial: 6379, since: '1.0.0', doc: 'TCP port for clients; 0 opens none.' }),
  bind: addresses({
    initial: ['*', '-::*'],
    since: '1.0.0',
    doc: 'Addresses to listen on. One with a leading - may be unavailable.',
  }),
  'bind-source-addr': text({
    initial: '',
    since: '7.0.0',
    doc: 'Local address that connections to other nodes come from.',
  }),
  'protected-mode': yesNo({
    initial: true,
    since: '3.2.0',
    doc: 'Without a password and with bind at its default, serve only this machine.',
  }),
  'tcp-backlog': smallInteger({
    initial: 511,
    since: '2.8.5',
    fixed: true,
    doc: 'How many connections may wait to be accepted; the kernel has its own limit.',
  }),
  unixsocket: text({
    initial: '',
    since: '2.2.0',
    fixed: true,
    doc: 'Path of a Unix socket for clients; empty opens none.',
  }),
  unixsocketperm: octal({
    initial: 0,
    since: '2.4.0',
    fixed: true,
    doc: 'Permissions of the Unix socket; 0 leaves them to the umask.',
  }),
  timeout: smallInteger({ initial: 0, since: '1.0.0', doc: 'Seconds after which an idle client is closed; 0 never.' }),
  'tcp-keepalive': smallInteger({
    initial: 300,
    since: '2.6.0',
    doc: 'Seconds of silence after which the kernel asks whether a client is still there; 0 never.',
  }),
  'socket-mark-id': integer({
    initial: 0,
    max: 0xffff_ffff,
    since: '7.0.0',
    fixed: true,
    doc: 'Mark of the sockets for the firewall and routing of the kernel.',
    notApplicable: 'Node cannot set SO_MARK',
  }),
  maxclients: integer({
    initial: 10_000,
    min: 1,
    max: 0xffff_ffff,
    since: '1.0.0',
    doc: 'How many clients may be connected; the next one is refused with an error.',
  }),
  'maxmemory-clients': memoryOrPercent({
    initial: { bytes: 0 },
    since: '7.0.0',
    doc: 'Memory of all client buffers above which the biggest clients are closed; 0 is no limit.',
    notApplicable: 'buffers of single clients are limited (client-output-buffer-limit), their sum is not yet',
  }),
  'client-query-buffer-limit': memory({
    initial: 2 ** 30,
    min: 2 ** 20,
    since: '4.0.0',
    doc: 'Bytes that one unfinished request may take before its client is closed.',
  }),
  'proto-max-bulk-len': memory({
    initial: 2 ** 29,
    min: 2 ** 20,
    since: '4.0.0',
    doc: 'Bytes of the longest argument, and of the longest string value.',
  }),
  'client-output-buffer-limit': bufferLimits({
    initial: {
      normal: { hard: 0, soft: 0, soft_s: 0 },
      replica: { hard: 256 * 2 ** 20, soft: 64 * 2 ** 20, soft_s: 60 },
      pubsub: { hard: 32 * 2 ** 20, soft: 8 * 2 ** 20, soft_s: 60 },
    },
    since: '2.6.0',
    doc: 'For each class of clients: the bytes of unread replies at which a client is closed, at once or after some seconds.',
  }),
  'io-threads': smallInteger({
    initial: 1,
    min: 1,
    max: 128,
    since: '6.0.0',
    fixed: true,
    doc: 'Threads that write replies.',
    notApplicable: NO_SUCH_THREADS,
  }),
  'io-threads-do-reads': yesNo({
    initial: false,
    since: '6.0.0',
    fixed: true,
    doc: 'Whether these threads read and parse requests as well.',
    notApplicable: NO_SUCH_THREADS,
  }),
  'tracking-table-max-keys': integer({
    initial: 1_000_000,
    since: '6.0.0',
    doc: 'How many keys are remembered for clients that cache (CLIENT TRACKING); 0 is no limit.',
    notApplicable: 'client-side caching is not there yet',
  }),
  databases: smallInteger({
    initial: 16,
    min: 1,
    since: '1.0.0',
    fixed: true,
    doc: 'How many databases SELECT can choose from; a cluster has one.',
  }),
} as const;

export const processDirectives = {
  'watchdog-period': smallInteger({
    initial: 0,
    since: '2.6.0',
    hidden: true,
    doc: 'For debugging: tell in the log what was running when an event took so many milliseconds; 0 never.',
    notApplicable: 'there is no stack of C to be told',
  }),
  daemonize: yesNo({ initial: false, since: '1.0.0', fixed: true, doc: 'Run in the background.' }),
  pidfile: text({
    initial: '',
    since: '1.0.0',
    fixed: true,
    doc: 'File that gets the process id; with daemonize /var/run/redis.pid when empty.',
  }),
  loglevel: oneOf(['debug', 'verbose', 'notice', 'warning', 'nothing'], {
    initial: 'notice',
    since: '1.0.0',
    doc: 'The least important lines that still go into the log.',
  }),
  logfile: text({ initial: '', since: '1.0.0', fixed: true, doc: 'File that gets the log; empty is standard output.' }),
  dir: text({
    initial: '.',
    since: '1.0.0',
    protected: true,
    deniedWhileLoading: true,
    doc: 'Folder of the data files, and the one that other relative paths start from.',
    why: (value) => (value === '' ? 'No such file or directory' : null),
  }),
  hz: smallInteger({
    initial: 10,
    clamp: [1, 500],
    since: '2.6.0',
    doc: 'How often a second background work is done, from 1 to 500.',
  }),
  'dynamic-hz': yesNo({
    initial: true,
    since: '5.0.0',
    doc: 'Do background work more often when many clients are connected.',
    notApplicable: 'background work does not grow with the number of clients',
  }),
  'always-show-logo': yesNo({
    initial: false,
    since: '4.0.0',
    fixed: true,
    doc: 'Print the version, the mode, the port and the process id at start, in lines of their own.',
  }),
  supervised: oneOf(['upstart', 'systemd', 'auto', 'no'], {
    initial: 'no',
    since: '3.2.0',
    fixed: true,
    doc: 'Tell a service manager when the server is ready.',
    notApplicable: 'Node has no sd_notify; let the service manager use a port check',
  }),
  'set-proc-title': yesNo({
    initial: true,
    since: '6.2.0',
    fixed: true,
    doc: 'Show port and mode in the list of processes.',
    notApplicable: 'the title of the process is left as it was started',
  }),
  'proc-title-template': text({
    initial: '{title} {listen-addr} {server-mode}',
    since: '6.2.0',
    doc: 'What is shown there: {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket} {config-file}.',
    why: whyNoTitle,
    notApplicable: 'the title of the process is left as it was started',
  }),
  'shutdown-timeout': smallInteger({
    initial: 10,
    since: '7.0.0',
    doc: 'Seconds that a shutdown waits for replicas that lag behind.',
  }),
  'shutdown-on-sigint': someOf(SHUTDOWN_WORDS, {
    initial: [],
    since: '7.0.0',
    doc: 'How SIGINT shuts the server down, in the words of SHUTDOWN.',
    why: whyNoShutdown,
  }),
  'shutdown-on-sigterm': someOf(SHUTDOWN_WORDS, {
    initial: [],
    since: '7.0.0',
    doc: 'How SIGTERM shuts the server down, in the words of SHUTDOWN.',
    why: whyNoShutdown,
  }),
  'syslog-enabled': yesNo({
    initial: false,
    since: '2.2.0',
    fixed: true,
    doc: 'Log to syslog.',
    notApplicable: NO_SYSLOG,
  }),
  'syslog-ident': text({
    initial: 'redis',
    since: '2.2.0',
    fixed: true,
    doc: 'Name in syslog.',
    notApplicable: NO_SYSLOG,
  }),
  'syslog-facility': oneOf(['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'], {
    initial: 'local0',
    since: '2.2.0',
    fixed: true,
    doc: 'Facility in syslog.',
    notApplicable: NO_SYSLOG,
  }),
  'crash-log-enabled': yesNo({
    initial: true,
    since: '6.2.0',
    doc: 'Log a report after a crash.',
    notApplicable: NO_CRASH_HANDLER,
  }),
  'crash-memcheck-enabled': yesNo({
    initial: true,
    since: '6.2.0',
    doc: 'Test the memory after a crash.',
    notApplicable: NO_CRASH_HANDLER,
  }),
  'use-exit-on-panic': yesNo({
    initial: false,
    since: '7.0.0',
    hidden: true,
    doc: 'Leave the process in the usual way after a crash, so that leaks can be told.',
    notApplicable: NO_CRASH_HANDLER,
  }),
  'ignore-warnings': text({
    initial: '',
    since: '6.2.0',
    doc: 'Names of start-up checks whose warnings do not stop the start.',
    notApplicable: 'no check of the machine stops the start',
  }),
  'disable-thp': yesNo({
    initial: true,
    since: '6.2.0',
    fixed: true,
    doc: 'Ask the kernel not to use huge pages for this process.',
    notApplicable: 'nothing forks, so huge pages are not copied',
  }),
  'oom-score-adj': oneOf(['no', 'yes', 'relative', 'absolute'], {
    initial: 'no',
    since: '6.2.0',
    doc: 'Tell the kernel whom to end first when memory runs out.',
    notApplicable: NO_OOM_SCORES,
  }),
  'oom-score-adj-values': oomScores({
    initial: [0, 200, 800],
    since: '6.2.0',
    doc: 'The scores of a primary, a replica and a background child.',
    notApplicable: NO_OOM_SCORES,
  }),
  server_cpulist: text({
    initial: '',
    since: '6.0.0',
    fixed: true,
    doc: 'Processors of the main thread.',
    notApplicable: NO_CPU_LISTS,
  }),
  bio_cpulist: text({
    initial: '',
    since: '6.0.0',
    fixed: true,
    doc: 'Processors of background threads.',
    notApplicable: NO_CPU_LISTS,
  }),
  aof_rewrite_cpulist: text({
    initial: '',
    since: '6.0.0',
    fixed: true,
    doc: 'Processors of AOF rewrites.',
    notApplicable: NO_CPU_LISTS,
  }),
  bgsave_cpulist: text({
    initial: '',
    since: '6.0.0',
    fixed: true,
    doc: 'Processors of background saves.',
    notApplicable: NO_CPU_LISTS,
  }),
} as const;

const TITLE_VARIABLES = new Set([
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
]);

function whyNoShutdown(words: readonly string[]): string | null {
  const both = words.includes('save') && words.includes('nosave');
  return both ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : null;
}

function whyNoTitle(template: string): string | null {
  const rest = template.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => (TITLE_VARIABLES.has(name) ? '' : whole));
  return template === '' || /[{}]/.test(rest) ? 'template format is invalid or contains unknown variables' : null;
}
