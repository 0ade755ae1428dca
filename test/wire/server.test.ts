import { describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { specs } from '../../src/server/handlers/table.ts';
import { CHANGED_SINCE_7_0, UNKNOWN_TO_7_0 } from '../support/as-7-0.ts';
import { RawClient, readTree, type Tree } from '../support/resp.ts';
import {
  conversations,
  helpFrame,
  kind,
  type Normalise,
  noDigits,
  type Step,
  shape,
  unordered,
} from '../support/wire.ts';

/** Every command and subcommand, as COMMAND INFO knows them. */
const NAMES = specs.flatMap(({ name, subcommands = [] }) => [name, ...subcommands.map((sub) => `${name}|${sub.name}`)]);
/** The numbers, flags, categories and key specs of COMMAND INFO; tips and subcommands of each server are its own. */
const commandFacts: Normalise = (reply) => {
  const command = readTree(reply)?.tree.items[0];
  if (command === undefined || command.items.length === 0) return reply;
  const [name, arity, flags, first, last, step, categories, , keys] = command.items as [
    Tree,
    Tree,
    Tree,
    Tree,
    Tree,
    Tree,
    Tree,
    Tree,
    Tree,
  ];
  const words = (tree: Tree): string =>
    tree.items
      .map(({ text }) => text)
      .sort()
      .join(' ');
  const numbers = [arity, first, last, step].map(({ text }) => text).join(' ');
  return `${name.text} ${numbers} {${words(flags)}} {${words(categories)}} ${keySpecs(keys)}`;
};

function keySpecs(tree: Tree): string {
  const show = ({ type, text, items }: Tree): string => {
    if (type === '~' || (items.length > 0 && items.every((item) => item.type === '+'))) {
      return `{${items
        .map((item) => item.text)
        .sort()
        .join(' ')}}`;
    }
    return items.length === 0 ? text : `[${items.map(show).join(' ')}]`;
  };
  return show(tree);
}

/** Since when, and in which group: summaries are each server's own words. */
const docFacts: Normalise = (reply) => {
  const fields = readTree(reply)?.tree.items[1]?.items ?? [];
  const texts = fields.map(({ text }) => text);
  return ['since', 'group'].map((name) => texts[texts.indexOf(name) + 1]).join(' ');
};

conversations('COMMAND', {}, (talk) => {
  talk(
    'tells the facts of every command as redis-server does',
    NAMES.filter((name) => !UNKNOWN_TO_7_0.has(name) && !CHANGED_SINCE_7_0.has(name)).map(
      (name): Step => ({ send: ['COMMAND', 'INFO', name], as: commandFacts }),
    ),
  );

  talk(
    'tells since when every command is there',
    specs.map(({ name }): Step => ({ send: ['COMMAND', 'DOCS', name], as: docFacts })),
  );

  talk('knows no subcommand of a subcommand, and lists subcommands beside commands', [
    ['COMMAND', 'INFO', 'config|get|key'],
    {
      send: ['COMMAND', 'LIST'],
      as: (reply) => (reply.includes('\r\nclient|list\r\n') && reply.includes('\r\nget\r\n') ? 'both' : reply),
    },
  ]);

  talk('finds the keys of a command', [
    { send: ['COMMAND', 'GETKEYS', 'GET', 'k'], is: '*1\r\n$1\r\nk\r\n' },
    ['COMMAND', 'GETKEYS', 'MSET', 'a', '1', 'b', '2'],
    ['COMMAND', 'GETKEYS', 'MSET', 'a', '1', 'b'],
    ['COMMAND', 'GETKEYS', 'DEL', 'a', 'b', 'a'],
    ['COMMAND', 'GETKEYS', 'RENAME', 'a', 'b'],
    ['COMMAND', 'GETKEYS', 'OBJECT', 'ENCODING', 'k'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', 'k', '0', '10'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10', 'COPY', 'KEYS', 'a', 'b'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10', 'COPY'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10', 'KEYS'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', 'k', '0', '10', 'FOO', 'KEYS'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', 'k', '0', '10', 'KEYS', 'a', 'b'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10', 'AUTH', 'KEYS', 'KEYS', 'a'],
    ['COMMAND', 'GETKEYS', 'MIGRATE', 'host', '1', '', '0', '10', 'AUTH2', 'KEYS', 'KEYS', 'KEYS', 'a', 'b'],
    ['COMMAND', 'GETKEYS', 'LCS', 'a', 'b', 'IDX'],
    ['COMMAND', 'GETKEYS', 'NOSUCH', 'k'],
    ['COMMAND', 'GETKEYS', 'CONFIG', 'GET', 'x'],
    ['COMMAND', 'GETKEYS', 'CONFIG', 'NOSUCH'],
    ['COMMAND', 'GETKEYS'],
  ]);

  talk('has further questions', [
    { send: ['COMMAND'], as: kind, is: '*' },
    { send: ['COMMAND', 'COUNT'], as: kind, is: ':' },
    { send: ['COMMAND', 'LIST'], as: kind },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'xxx*'] },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'get'], as: unordered },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'pattern', 'm[gs]*[tx]'], as: unordered },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'transaction'], as: unordered },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'nosuch'] },
    { send: ['COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'nosuch'] },
    ['COMMAND', 'LIST', 'FILTERBY', 'NOSUCH', 'x'],
    ['COMMAND', 'LIST', 'FILTERBY'],
    ['COMMAND', 'LIST', 'NOSUCH'],
    ['COMMAND', 'INFO', 'nosuch', 'config|nosuch'],
    { send: ['COMMAND', 'INFO'], as: kind },
    { send: ['COMMAND', 'DOCS'], as: kind },
    ['COMMAND', 'DOCS', 'nosuch'],
    ['COMMAND', 'COUNT', 'x'],
    ['COMMAND', 'NOSUCH'],
  ]);
});

conversations('CONFIG', {}, (talk) => {
  talk('GET answers by name and by pattern', [
    {
      send: ['CONFIG', 'GET', 'maxmemory'],
      is: ['*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n', '%1\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n'],
    },
    ['CONFIG', 'GET', 'nosuch'],
    { send: ['CONFIG', 'GET', 'hash-max-*'], as: unordered },
    { send: ['CONFIG', 'GET', 'MAXMEMORY-*', 'timeout', 'timeout'], as: unordered },
    { send: ['CONFIG', 'GET', 'client-output-buffer-limit'] },
    { send: ['CONFIG', 'GET', 'slave-*', 'replica-priority'], as: unordered },
    ['CONFIG', 'GET'],
    { send: ['CONFIG', 'HELP'], as: helpFrame },
  ]);

  talk('SET changes all or nothing', [
    ['CONFIG', 'SET', 'timeout', '100'],
    ['CONFIG', 'GET', 'timeout'],
    ['CONFIG', 'SET', 'timeout', 'x'],
    ['CONFIG', 'SET', 'timeout', '-1'],
    ['CONFIG', 'SET', 'timeout', '0', 'maxmemory', 'x'],
    { send: ['CONFIG', 'GET', 'timeout', 'maxmemory'], as: unordered },
    ['CONFIG', 'SET', 'maxmemory', '10mb', 'maxmemory-policy', 'allkeys-lru'],
    { send: ['CONFIG', 'GET', 'maxmemory', 'maxmemory-policy'], as: unordered },
    ['CONFIG', 'SET', 'maxmemory-policy', 'nosuch'],
    ['CONFIG', 'SET', 'maxmemory', '0', 'maxmemory', '1'],
    ['CONFIG', 'SET', 'nosuch', 'x'],
    ['CONFIG', 'SET', 'databases', '3'],
    ['CONFIG', 'SET', 'maxmemory'],
    ['CONFIG', 'SET', 'maxmemory', '1', 'timeout'],
    ['CONFIG', 'SET'],
    ['CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction', 'timeout', '0'],
    ['CONFIG', 'SET', 'save', '900 1 300 10'],
    ['CONFIG', 'GET', 'save'],
    ['CONFIG', 'SET', 'save', ''],
    ['CONFIG', 'GET', 'save'],
  ]);

  talk('RESETSTAT begins counting anew, REWRITE needs a file', [
    ['GET', 'x'],
    ['CONFIG', 'RESETSTAT'],
    {
      send: ['INFO', 'stats'],
      as: (reply) => /keyspace_misses:\d+/.exec(reply)?.[0] ?? reply,
      is: 'keyspace_misses:0',
    },
    ['CONFIG', 'RESETSTAT', 'x'],
    ['CONFIG', 'REWRITE'],
    ['CONFIG', 'REWRITE', 'x'],
  ]);
});

/** The sections of INFO, and the names in them that both have. */
const sections: Normalise = (reply) => (reply.match(/^# .*$/gm) ?? []).map((line) => line.trim()).join(' ');

const LINES = [
  'redis_mode',
  'tcp_port',
  'connected_clients',
  'blocked_clients',
  'role',
  'connected_slaves',
  'cluster_enabled',
  'db0',
  'loading',
  'maxmemory_policy',
  'aof_enabled',
  'rdb_bgsave_in_progress',
];
const values: Normalise = (reply) =>
  reply
    .split('\r\n')
    .filter((line) => LINES.includes(line.split(':', 1)[0] as string))
    .map((line) => line.replace(/tcp_port:\d+/, 'tcp_port').replace(/avg_ttl=\d+/, ''))
    .sort()
    .join(' ');

conversations('INFO', {}, (talk) => {
  talk('has sections, and lines that tools look for', [
    ['SET', 'k', 'v', 'EX', '100'],
    ['SET', 'l', 'v'],
    { send: ['INFO'], as: sections },
    { send: ['INFO'], as: values },
    { send: ['INFO', 'server'], as: sections },
    { send: ['INFO', 'keyspace'], as: values },
    { send: ['INFO', 'KEYSPACE', 'replication'], as: sections },
    { send: ['INFO', 'nosuch'], as: sections },
    { send: ['INFO', 'default'], as: sections },
    { send: ['INFO', 'cluster', 'cluster'], as: sections },
    { send: ['INFO', 'commandstats'], as: sections },
    { send: ['INFO', 'errorstats'], as: sections },
    { send: ['INFO', 'keyspace'], as: kind, is: ['$', '='] },
  ]);

  talk('counts what failed by its code', [
    ['CONFIG', 'RESETSTAT'],
    ['NOSUCH'],
    ['RPUSH', 'k', 'a'],
    ['GET', 'k'],
    ['GET', 'k'],
    {
      send: ['INFO', 'errorstats'],
      as: (reply) => (reply.match(/errorstat_.*\d/g) ?? []).sort().join(' '),
      is: 'errorstat_ERR:count=1 errorstat_WRONGTYPE:count=2',
    },
  ]);
});

conversations('the server', {}, (talk) => {
  talk('saves when it is asked to', [
    ['SET', 'k', 'v'],
    { send: ['SAVE'], is: '+OK\r\n' },
    ['SAVE', 'x'],
    { send: ['LASTSAVE'], as: kind, is: ':' },
    ['LASTSAVE', 'x'],
    { send: ['DEBUG', 'RELOAD'], is: '+OK\r\n' },
    ['GET', 'k'],
    ['BGSAVE', 'x'],
    ['BGSAVE', 'SCHEDULE', 'x'],
    ['BGREWRITEAOF', 'x'],
    { send: ['BGREWRITEAOF'], as: kind, is: '+' },
    { send: ['BGSAVE', 'SCHEDULE'], as: kind, is: '+' },
  ]);

  talk('is not ended by what it does not understand', [
    ['SHUTDOWN', 'NOSUCH'],
    ['SHUTDOWN', 'SAVE', 'NOSAVE'],
    ['SHUTDOWN', 'NOSAVE', 'SAVE'],
    ['SHUTDOWN', 'ABORT'],
    ['SHUTDOWN', 'ABORT', 'NOW'],
    ['SHUTDOWN', 'NOW', 'ABORT'],
  ]);

  talk('has DEBUG for tests', [
    ['SET', 'k', '10'],
    ['RPUSH', 'list', 'a', 'b'],
    ['DEBUG', 'SLEEP', '0'],
    ['DEBUG', 'SLEEP'],
    { send: ['DEBUG', 'OBJECT', 'k'], as: (reply) => reply.replace(/at:\S+|lru:\d+|refcount:\d+|idle:\d+/g, '') },
    ['DEBUG', 'OBJECT', 'none'],
    ['DEBUG', 'DIGEST'],
    ['DEBUG', 'DIGEST-VALUE', 'k', 'list', 'none'],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
    ['DEBUG', 'ERROR', 'CODE text'],
    ['DEBUG', 'RELOAD'],
    ['DEBUG', 'RELOAD', 'NOSUCH'],
    ['LRANGE', 'list', '0', '-1'],
    ['DEBUG', 'NOSUCH'],
    ['DEBUG'],
    { send: ['DEBUG', 'HELP'], as: helpFrame },
  ]);

  talk('knows its role, and waits for replicas it does not have', [
    ['ROLE'],
    ['ROLE', 'x'],
    ['WAIT', '0', '0'],
    ['SET', 'k', 'v'],
    ['WAIT', '1', '10'],
    ['WAIT', '0', '10'],
    ['WAIT', 'x', '0'],
    ['WAIT', '0', 'x'],
    ['WAIT', '0', '-1'],
    ['WAIT', '1'],
    ['MULTI'],
    ['WAIT', '1', '0'],
    ['EXEC'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['SLAVEOF', 'no', 'one'],
    ['REPLICAOF', 'host', 'x'],
    ['REPLICAOF', 'host'],
    ['REPLCONF', 'nosuch', 'x'],
    ['REPLCONF', 'listening-port'],
    ['REPLCONF', 'listening-port', 'x'],
    ['REPLCONF', 'listening-port', '7000', 'capa', 'eof', 'capa', 'psync2'],
    ['REPLCONF', 'ip-address', '1.2.3.4'],
    ['PSYNC'],
    ['SYNC', 'x'],
    { on: 'b', send: ['PSYNC', '?', '-1'], as: (reply) => reply.replace(/^\n+/, '').slice(0, 11), is: '+FULLRESYNC' },
    { on: 'c', send: ['SYNC'], replies: 0 },
  ]);

  talk('answers the time', [{ send: ['TIME'], as: shape }]);
});

conversations('the server in a cluster', { cluster: 'only', protocols: [2] }, (talk) => {
  talk('answers for slots, keys and itself', [
    ['CLUSTER', 'KEYSLOT', 'key'],
    ['CLUSTER', 'KEYSLOT', '{tag}key'],
    ['CLUSTER', 'KEYSLOT', '{}key'],
    ['SET', 'key', 'v'],
    ['SET', '{key}2', 'v'],
    ['CLUSTER', 'COUNTKEYSINSLOT', '12539'],
    ['CLUSTER', 'COUNTKEYSINSLOT', '16384'],
    ['CLUSTER', 'COUNTKEYSINSLOT', '-1'],
    ['CLUSTER', 'COUNTKEYSINSLOT', 'x'],
    { send: ['CLUSTER', 'GETKEYSINSLOT', '12539', '10'], as: unordered },
    ['CLUSTER', 'GETKEYSINSLOT', '0', '10'],
    ['CLUSTER', 'GETKEYSINSLOT', '0', '-1'],
    ['CLUSTER', 'GETKEYSINSLOT', 'x', '1'],
    { send: ['CLUSTER', 'MYID'], as: kind },
    { send: ['CLUSTER', 'NODES'], as: (reply) => /myself,.*/.exec(reply)?.[0] ?? reply },
    {
      send: ['CLUSTER', 'INFO'],
      as: (reply) => reply.replace(/epoch:\d+|messages_\w+:\d+/g, '#').replace(/total_cluster.*/s, ''),
    },
    { send: ['CLUSTER', 'SLOTS'], as: shape },
    { send: ['CLUSTER', 'SHARDS'], as: shape },
    { send: ['CLUSTER', 'LINKS'] },
    ['CLUSTER', 'REPLICAS', 'nosuch'],
    ['CLUSTER', 'SLAVES', 'nosuch'],
    ['CLUSTER', 'COUNT-FAILURE-REPORTS', 'nosuch'],
    { send: ['CLUSTER', 'HELP'], as: helpFrame },
    ['READONLY'],
    ['READWRITE'],
    ['ASKING'],
    ['SAVE'],
    ['CLUSTER', 'NOSUCH'],
    ['CLUSTER'],
    ['CLUSTER', 'KEYSLOT'],
    ['CLUSTER', 'INFO', 'x'],
  ]);

  talk('changes slots and epochs, or says why not', [
    ['CLUSTER', 'ADDSLOTS', '0'],
    ['CLUSTER', 'ADDSLOTS', '16384'],
    ['CLUSTER', 'ADDSLOTS', 'x'],
    ['CLUSTER', 'ADDSLOTSRANGE', '0'],
    ['CLUSTER', 'ADDSLOTSRANGE', '5', '1'],
    ['CLUSTER', 'DELSLOTS', '5', '6'],
    ['CLUSTER', 'DELSLOTS', '5'],
    ['CLUSTER', 'DELSLOTS', '7', '7'],
    ['CLUSTER', 'ADDSLOTS', '5', '5'],
    ['CLUSTER', 'ADDSLOTS', '5', '6'],
    ['CLUSTER', 'DELSLOTSRANGE', '5', '6'],
    ['CLUSTER', 'ADDSLOTSRANGE', '5', '6'],
    ['CLUSTER', 'DELSLOTSRANGE', '5', '6', '7'],
    ['CLUSTER', 'SETSLOT', '5', 'STABLE'],
    ['CLUSTER', 'SETSLOT', '5', 'NODE', 'nosuch'],
    ['CLUSTER', 'SETSLOT', '5', 'MIGRATING', 'nosuch'],
    ['CLUSTER', 'SETSLOT', '5', 'IMPORTING', 'nosuch'],
    ['CLUSTER', 'SETSLOT', '5', 'NOSUCH'],
    ['CLUSTER', 'failover', 'FORCE', 'x'],
    ['CLUSTER', 'RESET', 'HARD', 'x'],
    ['CLIENT', 'pause', '1', 'WRITE', 'x'],
    ['CLUSTER', 'SETSLOT', '16384', 'STABLE'],
    { send: ['CLUSTER', 'BUMPEPOCH'], as: noDigits },
    ['CLUSTER', 'SET-CONFIG-EPOCH', '-1'],
    ['CLUSTER', 'SET-CONFIG-EPOCH', 'x'],
    ['CLUSTER', 'SET-CONFIG-EPOCH', '5'],
    ['CLUSTER', 'REPLICATE', 'nosuch'],
    ['CLUSTER', 'FORGET', 'nosuch'],
    ['CLUSTER', 'FAILOVER'],
    ['CLUSTER', 'FAILOVER', 'NOSUCH'],
    ['CLUSTER', 'MEET', 'nohost', '1'],
    ['CLUSTER', 'MEET', '127.0.0.1', '0'],
    ['CLUSTER', 'MEET', '127.0.0.1', '65536'],
    ['CLUSTER', 'SAVECONFIG'],
    ['CLUSTER', 'RESET', 'NOSUCH'],
    ['SET', 'key', 'v'],
    ['CLUSTER', 'RESET'],
    ['CLUSTER', 'FLUSHSLOTS'],
    ['DEL', 'key'],
    ['CLUSTER', 'FLUSHSLOTS'],
    {
      send: ['CLUSTER', 'INFO'],
      as: (reply) => reply.match(/cluster_slots_assigned:\d+/)?.[0] ?? reply,
      is: 'cluster_slots_assigned:0',
    },
  ]);
});

conversations('a server that is in no cluster', {}, (talk) => {
  for (const words of [
    ['INFO'],
    ['NODES'],
    ['MYID'],
    ['KEYSLOT', 'k'],
    ['ADDSLOTS', '1'],
    ['MEET', '127.0.0.1', '1'],
  ]) {
    talk(`refuses CLUSTER ${words.join(' ')}`, [['CLUSTER', ...words]]);
  }
  talk('refuses what clients of a cluster say', [
    ['ASKING'],
    ['READONLY'],
    ['READWRITE'],
    { send: ['CLUSTER', 'HELP'], as: helpFrame },
  ]);
});

describe('BGSAVE and SHUTDOWN', () => {
  test('BGSAVE writes in the background, and SHUTDOWN SAVE ends with a file', async () => {
    await using server = await startServer();
    await server.call('SET', 'k', 'v');
    expect(await server.call('BGSAVE')).toBe('Background saving started');
    await expect
      .poll(() => server.call('INFO', 'persistence'), { timeout: 10_000 })
      .toContain('rdb_bgsave_in_progress:0');
    expect(await server.call('DEBUG', 'RELOAD', 'NOSAVE').catch((error: Error) => error.message)).toContain('DEBUG');
    const client = await RawClient.connect(server.port);
    client.send('SHUTDOWN SAVE\r\n');
    expect(await client.takeUntilClosed()).toBe('<closed>');
    expect(await server.ended).toBeNull();
  });

  test('CLIENT SETINFO names the library of a client', async () => {
    await using server = await startServer();
    const client = await RawClient.connect(server.port);
    expect(await client.call('CLIENT', 'SETINFO', 'LIB-NAME', 'lib')).toBe('+OK\r\n');
    expect(await client.call('CLIENT', 'SETINFO', 'lib-ver', '1.2')).toBe('+OK\r\n');
    expect(await client.call('CLIENT', 'INFO')).toMatch(/ lib-name=lib lib-ver=1\.2\n\r\n$/);
    expect(await client.call('CLIENT', 'SETINFO', 'LIB-NAME', 'a b')).toBe(
      '-ERR lib-name cannot contain spaces, newlines or special characters.\r\n',
    );
    expect(await client.call('CLIENT', 'SETINFO', 'NOSUCH', 'x')).toBe("-ERR Unrecognized option 'NOSUCH'\r\n");
    client.close();
  });
});
