/** Primaries and replicas. */
import { integer, memory, oneOf, port, smallInteger, text, yesNo } from './directive.ts';
import { endpoint } from './special-kinds.ts';

export const replication = {
  replicaof: endpoint({
    initial: null,
    since: '5.0.0',
    aliases: ['slaveof'],
    fixed: true,
    doc: 'The primary to copy. REPLICAOF changes it while running. In a cluster it says whom to follow once the node has joined.',
  }),
  masterauth: text({ initial: '', binary: true, since: '1.0.0', sensitive: true, doc: 'Password of the primary.' }),
  masteruser: text({ initial: '', since: '6.0.0', doc: 'User to log in with at the primary.' }),
  'replica-serve-stale-data': yesNo({
    initial: true,
    since: '5.0.0',
    aliases: ['slave-serve-stale-data'],
    doc: 'Answer reads while the primary cannot be reached.',
  }),
  'replica-read-only': yesNo({
    initial: true,
    since: '5.0.0',
    aliases: ['slave-read-only'],
    doc: 'Refuse writes of clients on a replica.',
  }),
  'replica-priority': smallInteger({
    initial: 100,
    since: '5.0.0',
    aliases: ['slave-priority'],
    doc: 'The lower, the sooner Sentinel promotes this replica; 0 never.',
  }),
  'replica-announced': yesNo({ initial: true, since: '6.2.0', doc: 'Let Sentinel list this replica.' }),
  'replica-announce-ip': text({
    initial: '',
    since: '5.0.0',
    aliases: ['slave-announce-ip'],
    doc: 'Address that the primary shows for this replica.',
  }),
  'replica-announce-port': port({
    initial: 0,
    since: '5.0.0',
    aliases: ['slave-announce-port'],
    doc: 'Port that it shows.',
  }),
  'replica-lazy-flush': yesNo({
    initial: false,
    since: '5.0.0',
    aliases: ['slave-lazy-flush'],
    doc: 'Free the old data in the background before a full copy is loaded.',
    notApplicable: 'data is always freed in small steps',
  }),
  'replica-ignore-maxmemory': yesNo({
    initial: true,
    since: '5.0.0',
    aliases: ['slave-ignore-maxmemory'],
    doc: 'Leave eviction to the primary.',
    notApplicable: 'memory is not limited yet',
  }),
  'replica-ignore-disk-write-errors': yesNo({
    initial: false,
    since: '7.0.0',
    doc: 'Go on copying when our own append-only file cannot be written.',
    notApplicable: 'a replica always goes on copying: what it holds in memory is still a copy',
  }),
  'repl-timeout': smallInteger({
    initial: 60,
    min: 1,
    since: '2.4.0',
    doc: 'Seconds of silence after which primary and replica part.',
  }),
  'repl-ping-replica-period': smallInteger({
    initial: 10,
    min: 1,
    since: '5.0.0',
    aliases: ['repl-ping-slave-period'],
    doc: 'How often in seconds a primary pings its replicas.',
  }),
  'repl-backlog-size': memory({
    initial: 2 ** 20,
    min: 1,
    clamp: [16 * 1024, Number.MAX_SAFE_INTEGER],
    since: '2.8.0',
    doc: 'Bytes of past writes kept, so that a replica that was away needs no full copy.',
  }),
  'repl-backlog-ttl': integer({
    initial: 3600,
    since: '2.8.0',
    doc: 'Seconds without replicas after which they are forgotten; 0 never.',
  }),
  'repl-disable-tcp-nodelay': yesNo({
    initial: false,
    since: '2.8.0',
    doc: 'Send to replicas in fewer, bigger and later packets.',
  }),
  'repl-diskless-sync': yesNo({
    initial: true,
    since: '2.8.18',
    doc: 'Send a full copy straight to the replicas, not by way of a file.',
    notApplicable: 'full copies go by way of a file, which costs no waiting',
  }),
  'repl-diskless-sync-delay': smallInteger({
    initial: 5,
    since: '2.8.18',
    doc: 'Seconds to wait for more replicas before such a copy starts.',
    notApplicable: 'a full copy starts at once',
  }),
  'repl-diskless-sync-max-replicas': smallInteger({
    initial: 0,
    since: '7.0.0',
    doc: 'With so many replicas waiting it starts at once; 0 never.',
    notApplicable: 'a full copy starts at once',
  }),
  'repl-diskless-load': oneOf(['disabled', 'on-empty-db', 'swapdb'], {
    initial: 'disabled',
    since: '6.0.0',
    doc: 'Whether a replica loads a full copy while it comes in.',
    notApplicable:
      'always swapdb: a full copy is loaded beside the old data, which is served until the copy is complete, so both need memory meanwhile',
  }),
  'min-replicas-to-write': smallInteger({
    initial: 0,
    since: '5.0.0',
    aliases: ['min-slaves-to-write'],
    doc: 'Refuse writes with fewer good replicas than this.',
  }),
  'min-replicas-max-lag': smallInteger({
    initial: 10,
    since: '5.0.0',
    aliases: ['min-slaves-max-lag'],
    doc: 'A replica is good when it was heard of so many seconds ago at most.',
  }),
  'propagation-error-behavior': oneOf(['ignore', 'panic', 'panic-on-replicas'], {
    initial: 'ignore',
    since: '7.0.0',
    doc: 'What to do when a command of the primary or of the append-only file fails.',
  }),
} as const;
