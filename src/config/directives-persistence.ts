/** Snapshots and the append-only file. */
import { integer, memory, nameInDir, oneOf, smallInteger, yesNo } from './directive.ts';
import { savePoints } from './special-kinds.ts';

const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const NO_FORK = 'nothing forks; background work writes and syncs in small slices';

export const persistence = {
  save: savePoints({
    initial: [
      { seconds: 3600, changes: 1 },
      { seconds: 300, changes: 100 },
      { seconds: 60, changes: 10_000 },
    ],
    since: '1.0.0',
    doc: 'Save a snapshot in the background when so many seconds have passed with at least so many changes; "" never.',
  }),
  dbfilename: nameInDir('dbfilename', {
    noun: 'filename',
    mayBeEmpty: true,
    initial: 'dump.rdb',
    since: '1.0.0',
    protected: true,
    doc: 'File of the snapshot, within dir.',
  }),
  rdbcompression: yesNo({ initial: true, since: '1.0.0', doc: 'Compress strings in snapshots.' }),
  rdbchecksum: yesNo({
    initial: true,
    since: '2.6.0',
    fixed: true,
    doc: 'End snapshots with a checksum, and check it.',
  }),
  'rdb-del-sync-files': yesNo({
    initial: false,
    since: '6.0.0',
    doc: 'Without any persistence of our own, delete snapshots that were only needed for replication.',
    notApplicable: 'the file of a full synchronization is never kept',
  }),
  'rdb-save-incremental-fsync': yesNo({
    initial: true,
    since: '5.0.0',
    doc: 'Sync a snapshot every few megabytes while it is written, not all at the end.',
  }),
  'stop-writes-on-bgsave-error': yesNo({
    initial: true,
    since: '2.6.0',
    doc: 'Refuse writes after a background save has failed, until one succeeds.',
  }),
  'sanitize-dump-payload': oneOf(['no', 'yes', 'clients'], {
    initial: 'no',
    since: '6.2.0',
    doc: 'Check values of snapshots and RESTORE in depth before they are used.',
    notApplicable: 'every value is always checked while it is read',
  }),
  appendonly: yesNo({
    initial: false,
    since: '1.1.0',
    deniedWhileLoading: true,
    doc: 'Log every write to the append-only file.',
  }),
  appendfilename: nameInDir('appendfilename', {
    noun: 'filename',
    initial: 'appendonly.aof',
    since: '1.1.0',
    fixed: true,
    doc: 'What the names of the append-only files start with.',
  }),
  appenddirname: nameInDir('appenddirname', {
    noun: 'dirname',
    initial: 'appendonlydir',
    since: '7.0.0',
    fixed: true,
    doc: 'Their folder, within dir.',
  }),
  appendfsync: oneOf(['everysec', 'always', 'no'], {
    initial: 'everysec',
    since: '1.1.0',
    doc: 'When the append-only file is forced to disk: every second, before every reply, or when the kernel likes.',
  }),
  'no-appendfsync-on-rewrite': yesNo({
    initial: false,
    since: '1.3.10',
    doc: 'Do not force the file to disk while a rewrite or a snapshot is under way.',
  }),
  'auto-aof-rewrite-percentage': smallInteger({
    initial: 100,
    since: '2.4.0',
    doc: 'Growth in percent after which the file is rewritten; 0 never.',
  }),
  'auto-aof-rewrite-min-size': memory({
    initial: 64 * 2 ** 20,
    since: '2.4.0',
    doc: 'Below this size it is not rewritten.',
  }),
  'aof-load-truncated': yesNo({
    initial: true,
    since: '2.8.15',
    doc: 'Start with a file whose last command is cut off, without that command.',
  }),
  'aof-use-rdb-preamble': yesNo({
    initial: true,
    since: '4.0.0',
    doc: 'Let a rewritten file begin with a snapshot, which is smaller and faster to load.',
  }),
  'aof-timestamp-enabled': yesNo({
    initial: false,
    since: '7.0.0',
    doc: 'Note the time in the file, for restoring the state at a moment.',
  }),
  'aof-rewrite-incremental-fsync': yesNo({
    initial: true,
    since: '2.8.0',
    doc: 'Sync a rewritten file every few megabytes while it is written.',
    notApplicable: NO_FORK,
  }),
  'aof-disable-auto-gc': yesNo({
    initial: false,
    since: '7.0.0',
    hidden: true,
    doc: 'Keep files that are in the manifest no more.',
  }),
  'rdb-key-save-delay': integer({
    ...INT32,
    initial: 0,
    since: '6.0.0',
    hidden: true,
    doc: 'For tests: microseconds that saving a key takes longer; -n is one microsecond for every n keys.',
  }),
  'key-load-delay': integer({
    ...INT32,
    initial: 0,
    since: '6.0.0',
    hidden: true,
    doc: 'For tests: microseconds that loading a key takes longer; -n is one microsecond for every n keys.',
  }),
  'loading-process-events-interval-bytes': integer({
    min: 1024,
    max: 2 ** 31 - 1,
    initial: 2 * 2 ** 20,
    since: '6.0.0',
    hidden: true,
    doc: 'After how many bytes of a file or a full copy that is being loaded others are served.',
  }),
} as const;
