/*
 * Where the bundled server does something else than redis-server 7.2, and why. Kept by hand: what a table can tell
 * (which commands are missing, which directives have no effect) is not repeated here.
 */

/** Commands that do only a part of what Redis' command of that name does. */
export const partly: Readonly<Record<string, string>> = {
  debug:
    'SLEEP, OBJECT, DIGEST, DIGEST-VALUE, SET-ACTIVE-EXPIRE, RELOAD, LOADAOF (not inside EXEC), POPULATE, PROTOCOL, PAUSE-CRON, DROP-CLUSTER-PACKET-FILTER, CLUSTERLINK, QUICKLIST-PACKED-THRESHOLD (for RDB files and DUMP; in memory, elements from 4 KB on have a block of their own in any case), SET-SKIP-CHECKSUM-VALIDATION, AOF-FLUSH-SLEEP, CHANGE-REPL-ID, REPLICATE, LOG, ERROR, JMAP; other words are refused, REPLYBUFFER because no client has a reply buffer of its own',
};

export interface Difference {
  readonly what: string;
  readonly why: string;
}

const MONITORING: readonly Difference[] = [
  {
    what: "Tried with Debian's prometheus-redis-exporter 1.45 and the redis plugin of collectd 5.12: all metrics that they take from redis-server are there, but for those of SLOWLOG and LATENCY",
    why: 'these commands are not there yet. The exporter logs one error about it, and goes on.',
  },
  {
    what: 'INFO: `*_cow_*`, `latest_fork_usec`, `total_forks`, `used_cpu_*_children` and `module_fork_*` are 0',
    why: 'nothing forks, and there are no modules.',
  },
  {
    what: 'INFO: `evicted_*`, `*eviction_exceeded_time`, `active_defrag_*`, `*active_defrag_time`, `lazyfree*`, `io_threaded_*` and `reply_buffer_*` are 0',
    why: 'no key is evicted yet; memory is moved together and given back in any case; there are no I/O threads, and no reply buffer of a single client.',
  },
  {
    what: 'INFO: `*_lua`, `*_vm_*`, `*scripts*`, `*functions`, `number_of_libraries`, `pubsubshard_channels`, `tracking_*` are 0',
    why: 'scripts, functions, sharded channels and tracking are not there yet.',
  },
  {
    what: 'INFO: `unexpected_error_replies` and `dump_payload_sanitizations` are 0',
    why: 'errors of the stream end the link, and payloads are always checked in full, which Redis counts only where it is optional.',
  },
  {
    what: 'MEMORY USAGE counts what a value takes instead of sampling it, whatever SAMPLES says, and adds its place in the tables',
    why: 'structures know what they take.',
  },
  {
    what: 'INFO: `used_memory` is what the process had when the server was put together, the data set, and what clients, replication and the log hold',
    why: 'garbage that V8 has not collected yet is no memory in use. `allocator_*` and `used_memory_rss` are the whole process; `atomicvar_api` and `gcc_version` say that it is not C.',
  },
  {
    what: 'INFO commandstats: up to 16 calls of one command in a row from one client share their time equally; EXEC counts only what it does itself',
    why: 'the clock is read once for them: reading it for each costs as much as a small command. The time includes parsing.',
  },
  {
    what: 'CLIENT LIST: `rbs`, `rbp` and `obl` are 0, and `fd` is -1 on TLS connections',
    why: 'all clients share one output buffer per turn, and Node does not tell the descriptor under TLS.',
  },
];

export const differences: readonly { readonly topic: string; readonly entries: readonly Difference[] }[] = [
  {
    topic: 'Commands',
    entries: [
      {
        what: 'UNLINK is DEL, FLUSHALL ASYNC is FLUSHALL',
        why: 'memory is given back bit by bit in any case, so both ways are the same.',
      },
      {
        what: 'MIGRATE lets other clients in while it waits for the target',
        why: 'a key that changed meanwhile is sent again before it is deleted here; Redis stands still instead.',
      },
      {
        what: 'MIGRATE is refused inside MULTI',
        why: 'it waits for the target, and a transaction cannot.',
      },
      {
        what: 'CONFIG SET of port, bind and the TLS directives is refused inside MULTI',
        why: 'it answers when the new ports are open, and a transaction cannot wait for them.',
      },
      {
        what: 'CONFIG SET dir moves the RDB file alone',
        why: 'the append only file, nodes.conf and the log file stay in the folder that they are in use in; Redis enters the new folder, and relative names with it.',
      },
      {
        what: 'A deadline beyond 2^53 milliseconds is kept as that moment, in the year 287396',
        why: 'deadlines are doubles, which hold no more exactly.',
      },
      {
        what: 'A zero byte ends an inline command, or is an error in the line of a length',
        why: 'Redis sees no end of that line any more, and waits for one until the connection is closed.',
      },
      {
        what: 'HRANDFIELD of more than 16,777,216 fields that may repeat is refused',
        why: 'Redis makes the whole reply first, until its memory is full.',
      },
      {
        what: 'CLIENT MAINT_NOTIFICATIONS is answered OK',
        why: "node-redis, redis-py, go-redis and Lettuce ask for it first thing, and some end there on an error. It subscribes to notices of planned maintenance, of which there are none: Redis' own come from another product.",
      },
      {
        what: 'Keyspace events: none is ever of the classes e, z, t and d',
        why: 'nothing is evicted, and there are no sorted sets, streams or modules yet. None is told while data is loaded, where Redis tells those of a log.',
      },
      {
        what: 'CONFIG REWRITE keeps the class n of `notify-keyspace-events` beside A',
        why: 'Redis writes what CONFIG GET shows, and that leaves it out.',
      },
      {
        what: 'LOLWUT has one picture, and no versions to choose from',
        why: 'what it must tell is the version number.',
      },
    ],
  },
  {
    topic: 'Profiles',
    entries: [
      {
        what: '`compat-profile redis-7.0` and `valkey-8` change what is reported (versions and fields of INFO, HELLO, CLIENT LIST; names of encodings; shard ids), in which version RDB files, full copies and DUMP payloads are written, and some defaults',
        why: 'what commands do is always as in 7.2, and all of them are there in every profile. A redis-server 7.0 reads what is written with its profile alone.',
      },
      {
        what: 'CLIENT LIST of `valkey-8` has no `tot-cmds`',
        why: 'commands are not counted by client.',
      },
      {
        what: 'OBJECT ENCODING calls a list a listpack as soon as it fits, and a quicklist when it does not',
        why: 'how a list lies in memory does not depend on it. A list of Redis that was longer is a quicklist until it has shrunk to half of the limit.',
      },
    ],
  },
  {
    topic: 'Persistence',
    entries: [
      {
        what: 'Nothing forks',
        why: 'Node cannot fork a process with its memory. What would take a child works in slices of the one process.',
      },
      {
        what: 'A snapshot writes its keys in another order, and its databases may take turns',
        why: 'a key that is about to change is written first. Every reader of the format takes them in any order.',
      },
      {
        what: 'Strings of more than 1 MB are not compressed in snapshots',
        why: 'nothing else would run meanwhile.',
      },
      {
        what: 'Files and payloads of RDB versions 12 (Redis 7.4 and 8) and 80 (Valkey 9) are read as well',
        why: 'so data can come over from there. A type that cannot be stored is refused by its name, and with it the file.',
      },
      {
        what: 'An AOF file that is torn, but is not the last one, is left as it is when the start ends there',
        why: 'Redis cuts it before it gives up.',
      },
      {
        what: 'A lock, `<file>.lock`, also for the append only file and, with save points, the RDB file; of another kind than the one of Redis',
        why: 'two servers on one of these files overwrite what the other promised; the second does not start (a SAVE that was not configured is refused). Node has no flock(2), so the lock is one of fcntl(2): a redis-server in the same folder does not see it, and must not be started there at the same time.',
      },
      {
        what: 'A nodes.conf without its `vars` line, or whose last line has no end, is refused',
        why: 'it was cut: votes and epochs that stood there would be forgotten.',
      },
      {
        what: 'An AOF folder whose manifest is gone, or does not name all files with content, is refused, and so is an empty RDB base',
        why: 'Redis starts with what is left, and writes over the rest. The message has the lines that are missing.',
      },
      {
        what: 'An fsync of the AOF that failed is followed by a rewrite',
        why: 'the system may have dropped the pages it could not write, and the next fsync then says nothing about them.',
      },
      {
        what: 'A shutdown, also with NOSAVE, is refused while the AOF cannot be written, and while the first AOF has to wait for a snapshot that is under way',
        why: 'Redis loses what waits to be written, or leaves no AOF to start from. SHUTDOWN FORCE ends the server all the same.',
      },
      {
        what: 'A second SIGINT that comes during the last save ends the server when the save is done',
        why: 'JavaScript is not interrupted: signals are handled between turns.',
      },
      {
        what: 'After a full copy of its primary, a replica takes the RDB that came as the base of its AOF',
        why: 'Redis appends to the log of the old data set until a rewrite is done: a crash in that time restarts with neither.',
      },
    ],
  },
  {
    topic: 'Replication',
    entries: [
      {
        what: 'CLIENT PAUSE on a replica holds back its clients alone, and not the stream of its primary',
        why: 'a replica that stands still looks like one that lags behind. Redis carries out nothing of the stream, under CLIENT PAUSE … WRITE too, and acknowledges nothing until the pause is over.',
      },
      {
        what: 'A full copy is always loaded beside the old data, as with `repl-diskless-load swapdb`',
        why: 'the old data is served until the copy is complete, and stays when it breaks off. Both need memory meanwhile. PING, INFO and CLUSTER never answer LOADING because of it; INFO says `async_loading:1`.',
      },
      {
        what: 'A replica stops at a command of its primary that it cannot carry out',
        why: 'Redis logs it and goes on, acknowledging data that the replica does not have. Here INFO says `master_refused_command` and `master_link_down_reason`, and a full copy is asked for, with growing pauses. SPUBLISH is passed over.',
      },
      {
        what: 'INFO replication has `master_link_down_reason` while the link is down',
        why: 'an extension: the reason is otherwise in the log only.',
      },
    ],
  },
  {
    topic: 'Cluster',
    entries: [
      {
        what: 'A connection to the cluster bus that brings no message within 10 seconds is closed, and of more than 256 such connections the oldest',
        why: 'a node speaks as soon as it is connected; strangers, or halves of TLS handshakes, must not use up the descriptors.',
      },
      {
        what: 'A replica that never had all data of its shard, or stopped following, is no candidate, and refuses CLUSTER FAILOVER',
        why: 'Redis elects it, and the old primary then follows it and loses its data. TAKEOVER is refused only while the primary answers.',
      },
      {
        what: 'A candidate with offset 0 gets no vote when the offset of its primary was not 0',
        why: 'it has none of the data. CLUSTER FAILOVER FORCE is voted for.',
      },
      {
        what: '`replicaof` together with `cluster-enabled yes` is allowed',
        why: 'an extension: the node meets the one it names, and follows it, or its primary, once it has joined. After that nodes.conf decides and the directive means nothing.',
      },
      {
        what: 'A node that starts without slots calls a complete cluster ok at once',
        why: 'the wait before writes is for a primary that comes back with slots it may have lost; a fresh node has none to be wrong about.',
      },
      {
        what: 'A node that has news (it joined, its slots, epoch or role changed) tells the others at once',
        why: 'with a heartbeat like any other, so that it works among redis-servers; waiting for the next ping is what makes big clusters slow to form.',
      },
      {
        what: '`cluster-announce-ip` takes what can be an address or a host name, of at most 45 characters',
        why: 'anything else would not reach the others, and a space or a comma would make the nodes.conf of the node unreadable.',
      },
      {
        what: '`cluster-announce-human-nodename` takes letters, digits, dots, hyphens and underscores',
        why: 'Redis takes a space or a comma as well, which make the nodes.conf of every node unreadable.',
      },
      {
        what: 'A shard has the id that its primary tells, also for a replica that says another; one that never told any has the id of the node',
        why: 'so all nodes mean the same by it, also beside nodes of Redis 7.0, for which Redis 7.2 invents ids.',
      },
      {
        what: 'CLUSTER SETSLOT <slot> MIGRATING to the node that owns the slot is refused',
        why: 'Redis opens the slot, and then asks clients to go where they are.',
      },
    ],
  },
  {
    topic: 'Process',
    entries: [
      {
        what: 'A configuration with ACL users (`user`, `aclfile`) or `rename-command` keeps the server from starting',
        why: 'whoever wrote it relies on somebody being kept out. The line about the default user that CONFIG REWRITE of redis-server adds to every file is taken.',
      },
      {
        what: 'An empty memory size in a configuration is refused',
        why: 'Redis takes it for 0, and a variable that was empty would lift a limit.',
      },
      {
        what: 'Words of the command line that are not UTF-8 are lost where the first Node in the PATH is older than 22.13, and a newer one is started',
        why: 'Node hands words to another process as UTF-8. A configuration file takes any bytes.',
      },
      {
        what: 'No modules, no I/O threads, no CPU lists',
        why: 'each directive about them says so in [config.md](config.md).',
      },
      ...MONITORING,
      {
        what: 'INFO says redis_version 7.2.4, server_name rkv, and rkv_version',
        why: 'tools decide by the first what they may use.',
      },
    ],
  },
];
