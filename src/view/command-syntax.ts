/*
 * The arguments of the commands of Redis 7.0, a command or subcommand a line, as its COMMAND DOCS tells them; a test
 * compares them with a real server. A table, because a prompt should know them at the first key, of servers that tell none,
 * and within a transaction, where every question to the server would become a part of it.
 */
const TABLE = `
ACL CAT: [categoryname]
ACL DELUSER: username [username ...]
ACL DRYRUN: username command [arg [arg ...]]
ACL GENPASS: [bits]
ACL GETUSER: username
ACL LOG: [count | RESET]
ACL SETUSER: username [rule [rule ...]]
APPEND: key value
AUTH: [username] password
BGSAVE: [SCHEDULE]
BITCOUNT: key [start end [BYTE | BIT]]
BITFIELD: key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] <SET encoding offset value | INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] <SET encoding offset value | INCRBY encoding offset increment> ...]]
BITFIELD_RO: key [GET encoding offset [GET encoding offset ...]]
BITOP: operation destkey key [key ...]
BITPOS: key bit [start [end [BYTE | BIT]]]
BLMOVE: source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout
BLMPOP: timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]
BLPOP: key [key ...] timeout
BRPOP: key [key ...] timeout
BRPOPLPUSH: source destination timeout
BZMPOP: timeout numkeys key [key ...] <MIN | MAX> [COUNT count]
BZPOPMAX: key [key ...] timeout
BZPOPMIN: key [key ...] timeout
CLIENT CACHING: <YES | NO>
CLIENT KILL: <ip:port | <[ID client-id] | [TYPE NORMAL | MASTER | SLAVE | REPLICA | PUBSUB] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] [[ID client-id] | [TYPE NORMAL | MASTER | SLAVE | REPLICA | PUBSUB] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] ...]>>
CLIENT LIST: [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id [client-id ...]]
CLIENT NO-EVICT: <ON | OFF>
CLIENT PAUSE: timeout [WRITE | ALL]
CLIENT REPLY: <ON | OFF | SKIP>
CLIENT SETNAME: connection-name
CLIENT TRACKING: <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
CLIENT UNBLOCK: client-id [TIMEOUT | ERROR]
CLUSTER ADDSLOTS: slot [slot ...]
CLUSTER ADDSLOTSRANGE: start-slot end-slot [start-slot end-slot ...]
CLUSTER COUNT-FAILURE-REPORTS: node-id
CLUSTER COUNTKEYSINSLOT: slot
CLUSTER DELSLOTS: slot [slot ...]
CLUSTER DELSLOTSRANGE: start-slot end-slot [start-slot end-slot ...]
CLUSTER FAILOVER: [FORCE | TAKEOVER]
CLUSTER FORGET: node-id
CLUSTER GETKEYSINSLOT: slot count
CLUSTER KEYSLOT: key
CLUSTER MEET: ip port [cluster_bus_port]
CLUSTER REPLICAS: node-id
CLUSTER REPLICATE: node-id
CLUSTER RESET: [HARD | SOFT]
CLUSTER SET-CONFIG-EPOCH: config-epoch
CLUSTER SETSLOT: slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>
CLUSTER SLAVES: node-id
COMMAND DOCS: [command-name [command-name ...]]
COMMAND INFO: [command-name [command-name ...]]
COMMAND LIST: [FILTERBY MODULE module-name | ACLCAT category | PATTERN pattern]
CONFIG GET: parameter [parameter ...]
CONFIG SET: parameter value [parameter value ...]
COPY: source destination [DB destination-db] [REPLACE]
DECR: key
DECRBY: key decrement
DEL: key [key ...]
DUMP: key
ECHO: message
EVAL: script numkeys [key [key ...]] [arg [arg ...]]
EVALSHA: sha1 numkeys [key [key ...]] [arg [arg ...]]
EVALSHA_RO: sha1 numkeys [key [key ...]] [arg [arg ...]]
EVAL_RO: script numkeys [key [key ...]] [arg [arg ...]]
EXISTS: key [key ...]
EXPIRE: key seconds [NX | XX | GT | LT]
EXPIREAT: key unix-time-seconds [NX | XX | GT | LT]
EXPIRETIME: key
FAILOVER: [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]
FCALL: function numkeys [key [key ...]] [arg [arg ...]]
FCALL_RO: function numkeys [key [key ...]] [arg [arg ...]]
FLUSHALL: [ASYNC | SYNC]
FLUSHDB: [ASYNC | SYNC]
FUNCTION DELETE: library-name
FUNCTION FLUSH: [ASYNC | SYNC]
FUNCTION LIST: [LIBRARYNAME library-name-pattern] [WITHCODE]
FUNCTION LOAD: [REPLACE] function-code
FUNCTION RESTORE: serialized-value [FLUSH | APPEND | REPLACE]
GEOADD: key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
GEODIST: key member1 member2 [M | KM | FT | MI]
GEOHASH: key member [member ...]
GEOPOS: key member [member ...]
GEORADIUS: key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]
GEORADIUSBYMEMBER: key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]
GEORADIUSBYMEMBER_RO: key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]
GEORADIUS_RO: key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]
GEOSEARCH: key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
GEOSEARCHSTORE: destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]
GET: key
GETBIT: key offset
GETDEL: key
GETEX: key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]
GETRANGE: key start end
GETSET: key value
HDEL: key field [field ...]
HELLO: [protover [AUTH username password] [SETNAME clientname]]
HEXISTS: key field
HGET: key field
HGETALL: key
HINCRBY: key field increment
HINCRBYFLOAT: key field increment
HKEYS: key
HLEN: key
HMGET: key field [field ...]
HMSET: key field value [field value ...]
HRANDFIELD: key [count [WITHVALUES]]
HSCAN: key cursor [MATCH pattern] [COUNT count]
HSET: key field value [field value ...]
HSETNX: key field value
HSTRLEN: key field
HVALS: key
INCR: key
INCRBY: key increment
INCRBYFLOAT: key increment
INFO: [section [section ...]]
KEYS: pattern
LATENCY GRAPH: event
LATENCY HISTOGRAM: [command [command ...]]
LATENCY HISTORY: event
LATENCY RESET: [event [event ...]]
LCS: key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]
LINDEX: key index
LINSERT: key <BEFORE | AFTER> pivot element
LLEN: key
LMOVE: source destination <LEFT | RIGHT> <LEFT | RIGHT>
LMPOP: numkeys key [key ...] <LEFT | RIGHT> [COUNT count]
LOLWUT: [VERSION version]
LPOP: key [count]
LPOS: key element [RANK rank] [COUNT num-matches] [MAXLEN len]
LPUSH: key element [element ...]
LPUSHX: key element [element ...]
LRANGE: key start stop
LREM: key count element
LSET: key index element
LTRIM: key start stop
MEMORY USAGE: key [SAMPLES count]
MGET: key [key ...]
MIGRATE: host port <key | ""> destination-db timeout [COPY] [REPLACE] [[AUTH password] | [AUTH2 username password]] [KEYS key [key ...]]
MODULE LOAD: path [arg [arg ...]]
MODULE LOADEX: path [CONFIG name value [CONFIG name value ...]] [ARGS arg [arg ...]]
MODULE UNLOAD: name
MOVE: key db
MSET: key value [key value ...]
MSETNX: key value [key value ...]
OBJECT ENCODING: key
OBJECT FREQ: key
OBJECT IDLETIME: key
OBJECT REFCOUNT: key
PERSIST: key
PEXPIRE: key milliseconds [NX | XX | GT | LT]
PEXPIREAT: key unix-time-milliseconds [NX | XX | GT | LT]
PEXPIRETIME: key
PFADD: key [element [element ...]]
PFCOUNT: key [key ...]
PFDEBUG: subcommand key
PFMERGE: destkey sourcekey [sourcekey ...]
PING: [message]
PSETEX: key milliseconds value
PSUBSCRIBE: pattern [pattern ...]
PSYNC: replicationid offset
PTTL: key
PUBLISH: channel message
PUBSUB CHANNELS: [pattern]
PUBSUB NUMSUB: [channel [channel ...]]
PUBSUB SHARDCHANNELS: [pattern]
PUBSUB SHARDNUMSUB: [shardchannel [shardchannel ...]]
PUNSUBSCRIBE: [pattern [pattern ...]]
RENAME: key newkey
RENAMENX: key newkey
REPLICAOF: <host port | NO ONE>
RESTORE-ASKING: key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
RESTORE: key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
RPOP: key [count]
RPOPLPUSH: source destination
RPUSH: key element [element ...]
RPUSHX: key element [element ...]
SADD: key member [member ...]
SCAN: cursor [MATCH pattern] [COUNT count] [TYPE type]
SCARD: key
SCRIPT DEBUG: <YES | SYNC | NO>
SCRIPT EXISTS: sha1 [sha1 ...]
SCRIPT FLUSH: [ASYNC | SYNC]
SCRIPT LOAD: script
SDIFF: key [key ...]
SDIFFSTORE: destination key [key ...]
SELECT: index
SET: key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]
SETBIT: key offset value
SETEX: key seconds value
SETNX: key value
SETRANGE: key offset value
SHUTDOWN: [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
SINTER: key [key ...]
SINTERCARD: numkeys key [key ...] [LIMIT limit]
SINTERSTORE: destination key [key ...]
SISMEMBER: key member
SLAVEOF: <host port | NO ONE>
SLOWLOG GET: [count]
SMEMBERS: key
SMISMEMBER: key member [member ...]
SMOVE: source destination member
SORT: key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
SORT_RO: key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
SPOP: key [count]
SPUBLISH: shardchannel message
SRANDMEMBER: key [count]
SREM: key member [member ...]
SSCAN: key cursor [MATCH pattern] [COUNT count]
SSUBSCRIBE: shardchannel [shardchannel ...]
STRLEN: key
SUBSCRIBE: channel [channel ...]
SUBSTR: key start end
SUNION: key [key ...]
SUNIONSTORE: destination key [key ...]
SUNSUBSCRIBE: [shardchannel [shardchannel ...]]
SWAPDB: index1 index2
TOUCH: key [key ...]
TTL: key
TYPE: key
UNLINK: key [key ...]
UNSUBSCRIBE: [channel [channel ...]]
WAIT: numreplicas timeout
WATCH: key [key ...]
XACK: key group id [id ...]
XADD: key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]
XAUTOCLAIM: key group consumer min-idle-time start [COUNT count] [JUSTID]
XCLAIM: key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]
XDEL: key id [id ...]
XGROUP CREATE: key groupname <id | $> [MKSTREAM] [ENTRIESREAD entries_read]
XGROUP CREATECONSUMER: key groupname consumername
XGROUP DELCONSUMER: key groupname consumername
XGROUP DESTROY: key groupname
XGROUP SETID: key groupname <id | $> [ENTRIESREAD entries_read]
XINFO CONSUMERS: key groupname
XINFO GROUPS: key
XINFO STREAM: key [FULL [COUNT count]]
XLEN: key
XPENDING: key group [[IDLE min-idle-time] start end count [consumer]]
XRANGE: key start end [COUNT count]
XREAD: [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
XREADGROUP: GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]
XREVRANGE: key end start [COUNT count]
XSETID: key last-id [ENTRIESADDED entries_added] [MAXDELETEDID max_deleted_entry_id]
XTRIM: key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]
ZADD: key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
ZCARD: key
ZCOUNT: key min max
ZDIFF: numkeys key [key ...] [WITHSCORES]
ZDIFFSTORE: destination numkeys key [key ...]
ZINCRBY: key increment member
ZINTER: numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
ZINTERCARD: numkeys key [key ...] [LIMIT limit]
ZINTERSTORE: destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
ZLEXCOUNT: key min max
ZMPOP: numkeys key [key ...] <MIN | MAX> [COUNT count]
ZMSCORE: key member [member ...]
ZPOPMAX: key [count]
ZPOPMIN: key [count]
ZRANDMEMBER: key [count [WITHSCORES]]
ZRANGE: key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
ZRANGEBYLEX: key min max [LIMIT offset count]
ZRANGEBYSCORE: key min max [WITHSCORES] [LIMIT offset count]
ZRANGESTORE: dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
ZRANK: key member
ZREM: key member [member ...]
ZREMRANGEBYLEX: key min max
ZREMRANGEBYRANK: key start stop
ZREMRANGEBYSCORE: key min max
ZREVRANGE: key start stop [WITHSCORES]
ZREVRANGEBYLEX: key max min [LIMIT offset count]
ZREVRANGEBYSCORE: key max min [WITHSCORES] [LIMIT offset count]
ZREVRANK: key member
ZSCAN: key cursor [MATCH pattern] [COUNT count]
ZSCORE: key member
ZUNION: numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
ZUNIONSTORE: destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
`;

/** 'key value [NX | XX] …' by 'SET', 'parameter value …' by 'CONFIG SET'. */
export const COMMAND_SYNTAX: ReadonlyMap<string, string> = new Map(
  TABLE.trim()
    .split('\n')
    .map((line) => line.split(/: (.*)/, 2) as [string, string]),
);

/** Commands that take nothing stand in no line of the table. */
const WITHOUT_ARGUMENTS = 'DBSIZE DISCARD EXEC LASTSAVE MULTI READONLY READWRITE RESET ROLE SAVE TIME UNWATCH'.split(
  ' ',
);

/** Redis 7.0 has a command of this name, with or without arguments, or one with subcommands. */
export function isRedisCommand(word: string): boolean {
  const name = word.toUpperCase();
  if (name === '' || WITHOUT_ARGUMENTS.includes(name)) return name !== '';
  return [...COMMAND_SYNTAX.keys()].some((known) => known === name || known.startsWith(`${name} `));
}
