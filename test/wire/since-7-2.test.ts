/*
 * What is otherwise since Redis 7.2 than in the 7.0 that the other conversations are held with: asked of valkey-server 8,
 * where it is installed, and of ours as it is by default.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServerOptions, startServer } from '../../src/index.ts';
import { startRealServer } from '../support/real-server.ts';
import { RawClient } from '../support/resp.ts';
import { recordSent } from '../support/sent-commands.ts';
import { hasValkey, WITHOUT_VALKEY } from '../support/valkey.ts';

interface Started {
  readonly port: number;
  stop(): Promise<void>;
}

interface Side {
  readonly name: string;
  readonly isThere: boolean;
  start(): Promise<Started>;
  startNode(): Promise<Started>;
}

const SIDES: readonly Side[] = [
  {
    name: 'rkv',
    isThere: true,
    start: () => startOurs(),
    startNode: () => startOurs({ 'cluster-enabled': 'yes' }),
  },
  {
    name: hasValkey ? 'valkey-server' : `valkey-server: ${WITHOUT_VALKEY}`,
    isThere: hasValkey,
    start: () => startRealServer(['--extended-redis-compatibility', 'yes'], 'valkey-server'),
    startNode: () => startRealServer(['--cluster-enabled', 'yes'], 'valkey-server'),
  },
];

async function startOurs(options: ServerOptions = {}): Promise<Started> {
  const server = await startServer(options);
  return { port: server.port, stop: () => server.close() };
}

const letters = (count: number, of = 'member'): string[] => Array.from({ length: count }, (_, i) => `${of}${i}`);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

for (const { name, isThere, start } of SIDES) {
  describe.skipIf(!isThere)(name, () => {
    let server: Started;
    let client: RawClient;

    beforeAll(async () => {
      server = await start();
      client = await RawClient.connect(server.port);
    });

    afterAll(async () => {
      client?.close();
      await server?.stop();
    });

    async function call(...words: string[]): Promise<string> {
      recordSent(words);
      return await client.call(...words);
    }

    async function text(...words: string[]): Promise<string> {
      return (await call(...words)).replace(/^\$\d+\r\n|[+:]|\r\n$/g, '');
    }

    /** The encoding of a set after each of these SADDs. */
    async function encodings(...adds: string[][]): Promise<string[]> {
      await call('DEL', 'k');
      const names: string[] = [];
      for (const members of adds) {
        await call('SADD', 'k', ...members);
        names.push(await text('OBJECT', 'ENCODING', 'k'));
      }
      return names;
    }

    async function limits(values: Record<string, string>): Promise<void> {
      for (const [key, value] of Object.entries(values))
        expect(await call('CONFIG', 'SET', key, value)).toBe('+OK\r\n');
    }

    const DEFAULTS = {
      'set-max-intset-entries': '512',
      'set-max-listpack-entries': '128',
      'set-max-listpack-value': '64',
    };

    test('a small set is a listpack, until it has a member too many or too long', async () => {
      expect(await encodings(['a'], letters(127), ['x'.repeat(64)])).toEqual(['listpack', 'listpack', 'hashtable']);
      expect(await encodings(['a'], ['x'.repeat(64)], ['x'.repeat(65)])).toEqual(['listpack', 'listpack', 'hashtable']);
      await call('SREM', 'k', 'x'.repeat(65));
      expect(await text('OBJECT', 'ENCODING', 'k')).toBe('hashtable');
    });

    test('integers are an intset, and what comes of it depends on how many there are', async () => {
      expect(await encodings(numbers(127), ['a'])).toEqual(['intset', 'listpack']);
      expect(await encodings(numbers(128), ['a'])).toEqual(['intset', 'hashtable']);
      expect(await encodings(numbers(512), ['512'])).toEqual(['intset', 'hashtable']);
      expect(await encodings(['1', '2'], ['a'], ['3'])).toEqual(['intset', 'listpack', 'listpack']);
      expect(await encodings(['a', '1'])).toEqual(['listpack']);
    });

    test('the form is chosen by how many members a command brings, whether they are new or not', async () => {
      const twice = (text: string, count: number): string[] => Array.from({ length: count }, () => text);
      expect(await encodings(twice('a', 128))).toEqual(['listpack']);
      expect(await encodings(twice('a', 129))).toEqual(['hashtable']);
      expect(await encodings(twice('1', 512))).toEqual(['intset']);
      expect(await encodings(twice('1', 513))).toEqual(['hashtable']);
    });

    test('the limits are those of the moment', async () => {
      await limits({ 'set-max-listpack-entries': '3', 'set-max-listpack-value': '5' });
      expect(await encodings(['a', 'b', 'c'], ['d'])).toEqual(['listpack', 'hashtable']);
      expect(await encodings(['abcde'], ['abcdef'])).toEqual(['listpack', 'hashtable']);
      expect(await encodings(['123456'], ['a'])).toEqual(['intset', 'hashtable']);
      await limits({ 'set-max-intset-entries': '2', 'set-max-listpack-entries': '128' });
      expect(await encodings(['1', '2'], ['3'])).toEqual(['intset', 'hashtable']);
      expect(await encodings(['1', '2', '3'])).toEqual(['listpack']);
      await limits({ 'set-max-intset-entries': '0', 'set-max-listpack-entries': '0' });
      expect(await encodings(['1'], ['a'])).toEqual(['hashtable', 'hashtable']);
      await limits(DEFAULTS);
    });

    test('a set keeps its form in a payload, and its members', async () => {
      await call('SADD', 's', 'a', '1', 'three');
      const dump = await call('DUMP', 's');
      const payload = dump.slice(dump.indexOf('\r\n') + 2, -2);
      expect(payload.charCodeAt(0)).toBe(20);
      expect(payload.charCodeAt(payload.length - 10)).toBe(11);
      expect(await call('RESTORE', 'again', '0', payload)).toBe('+OK\r\n');
      expect(await text('OBJECT', 'ENCODING', 'again')).toBe('listpack');
      expect(await call('SMISMEMBER', 'again', 'a', '1', 'three')).toBe('*3\r\n:1\r\n:1\r\n:1\r\n');
      await call('DEL', 's', 'again');
    });

    test('a list is a listpack while it fits in one node', async () => {
      await call('RPUSH', 'l', 'a', 'b');
      expect(await text('OBJECT', 'ENCODING', 'l')).toBe('listpack');
      await call('RPUSH', 'l', 'x'.repeat(9000));
      expect(await text('OBJECT', 'ENCODING', 'l')).toBe('quicklist');
      await call('RPOP', 'l');
      expect(await text('OBJECT', 'ENCODING', 'l')).toBe('listpack');
      await call('CONFIG', 'SET', 'list-max-listpack-size', '3');
      await call('DEL', 'l');
      await call('RPUSH', 'l', 'a', 'b', 'c');
      expect(await text('OBJECT', 'ENCODING', 'l')).toBe('listpack');
      await call('RPUSH', 'l', 'd');
      expect(await text('OBJECT', 'ENCODING', 'l')).toBe('quicklist');
      await call('CONFIG', 'SET', 'list-max-listpack-size', '-2');
      await call('DEL', 'l');
    });

    test('CLIENT SETINFO tells the library, and its fields are always there', async () => {
      expect(await call('CLIENT', 'INFO')).toMatch(/ resp=2 lib-name= lib-ver=[ \n]/);
      expect(await call('CLIENT', 'SETINFO', 'LIB-NAME', 'a(b_v1)')).toBe('+OK\r\n');
      expect(await call('CLIENT', 'SETINFO', 'lib-ver', '1.2.3')).toBe('+OK\r\n');
      expect(await call('CLIENT', 'SETINFO', 'lib-ver', '1 2')).toBe(
        '-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n',
      );
      expect(await call('CLIENT', 'SETINFO', 'foo', 'x')).toBe("-ERR Unrecognized option 'foo'\r\n");
      await call('RESET');
      expect(await call('CLIENT', 'LIST')).toMatch(/ lib-name=a\(b_v1\) lib-ver=1\.2\.3[ \n]/);
      expect(await call('CLIENT', 'SETINFO', 'lib-name', '')).toBe('+OK\r\n');
      expect(await call('CLIENT', 'INFO')).toContain(' lib-name= ');
    });

    test('CLIENT NO-TOUCH leaves keys as old as they are, but for TOUCH and what is written anew', async () => {
      const idle = async (): Promise<number> => Number(await text('OBJECT', 'IDLETIME', 'old'));
      const dump = async (): Promise<string> => {
        const reply = await call('DUMP', 'n');
        return reply.slice(reply.indexOf('\r\n') + 2, -2);
      };
      await call('SET', 'n', '1');
      const payload = await dump();
      const age = async (): Promise<void> => {
        await call('RESTORE', 'old', '0', payload, 'REPLACE', 'IDLETIME', '1000');
      };
      expect(await call('CLIENT', 'NO-TOUCH', 'on')).toBe('+OK\r\n');
      expect(await call('CLIENT', 'INFO')).toContain(' flags=T ');
      await age();
      await call('GET', 'old');
      expect(await idle()).toBeGreaterThanOrEqual(1000);
      await call('TOUCH', 'old');
      expect(await idle()).toBeLessThan(10);
      await age();
      await call('SET', 'old', '2');
      // As in Redis 7.2; Valkey 8 lets the new value be as old as the one before.
      if (name === 'rkv') expect(await idle()).toBeLessThan(10);
      await age();
      expect(await call('CLIENT', 'NO-TOUCH', 'x')).toBe('-ERR syntax error\r\n');
      expect(await call('RESET')).toBe('+RESET\r\n');
      expect(await call('CLIENT', 'INFO')).toContain(' flags=N ');
      await call('GET', 'old');
      expect(await idle()).toBeLessThan(10);
    });

    test('HELLO does all that it is asked to, or nothing', async () => {
      await call('CLIENT', 'SETNAME', 'before');
      expect(await call('HELLO', '3', 'SETNAME', 'after', 'FOO')).toMatch(/^-ERR Syntax error in HELLO option 'FOO'/);
      expect(await call('CLIENT', 'GETNAME')).toBe('$6\r\nbefore\r\n');
      expect(await call('HELLO', '3', 'AUTH', 'default', 'x', 'SETNAME', 'a b')).toMatch(/^-ERR Client names/);
    });

    test('COMMAND tells what has changed', async () => {
      expect(await call('COMMAND', 'GETKEYS', 'GET')).toBe(
        '-ERR Invalid number of arguments specified for command\r\n',
      );
      expect(await call('COMMAND', 'GETKEYS', 'PING')).toBe('-ERR The command has no key arguments\r\n');
      const info = async (name: string): Promise<string> => await call('COMMAND', 'INFO', name);
      expect(await info('command|getkeys')).toContain('\r\n:-3\r\n');
      expect(await info('cluster|slots')).toContain('+loading\r\n');
      expect(await info('cluster|shards')).toContain('+loading\r\n');
      expect(await info('wait')).not.toContain('+noscript\r\n');
    });

    test('INFO and CONFIG have what 7.2 has', async () => {
      const info = await call('INFO', 'everything');
      for (const field of [
        'redis_version:7.2.4',
        'server_name:',
        'listener0:name=tcp,bind=',
        'total_blocking_keys:0',
        'total_blocking_keys_on_nokey:0',
        'acl_access_denied_auth:0',
        'acl_access_denied_cmd:0',
        'acl_access_denied_key:0',
        'acl_access_denied_channel:0',
        'eventloop_cycles:',
        'eventloop_duration_sum:',
        'eventloop_duration_cmd_sum:',
        'instantaneous_eventloop_cycles_per_sec:',
        'instantaneous_eventloop_duration_usec:',
      ])
        expect(info).toContain(`\r\n${field}`);
      for (const directive of Object.keys(DEFAULTS))
        expect(await call('CONFIG', 'GET', directive)).toContain(directive);
      expect(await call('CONFIG', 'SET', 'loglevel', 'nothing')).toBe('+OK\r\n');
    });
  });
}

for (const { name, isThere, startNode } of SIDES) {
  test.skipIf(!isThere)(`${name} as a node of a cluster has a shard, and one database`, async () => {
    const node = await startNode();
    const client = await RawClient.connect(node.port);
    try {
      recordSent(['CLUSTER', 'MYSHARDID']);
      const id = await client.call('CLUSTER', 'MYSHARDID');
      expect(id).toMatch(/^\$40\r\n[0-9a-f]{40}\r\n$/);
      expect(id).not.toBe(await client.call('CLUSTER', 'MYID'));
      expect(await client.call('CONFIG', 'GET', 'databases')).toBe('*2\r\n$9\r\ndatabases\r\n$1\r\n1\r\n');
      expect(await client.call('CLUSTER', 'MEET', '127.0.0.1', 'x')).toBe('-ERR Invalid base port specified: x\r\n');
      expect(await client.call('CLUSTER', 'MEET', '127.0.0.1', '1', 'x')).toBe(
        '-ERR Invalid bus port specified: x\r\n',
      );
      expect(await client.call('CONFIG', 'SET', 'cluster-announce-human-nodename', 'a!b')).toContain(
        'Announced human node name contained invalid character',
      );
    } finally {
      client.close();
      await node.stop();
    }
  });
}

test('HELLO and INFO tell of the server that the profile says, and HELLO of the version that is given', async () => {
  await using server = await startServer({ 'hello-version': '7.4.1' });
  const client = await RawClient.connect(server.port);
  const told = async (): Promise<string[]> => {
    const hello = (await client.call('HELLO')).split('\r\n');
    const info = await client.call('INFO', 'everything');
    const fields = ['redis_version', 'server_name', 'valkey_version', 'redis_mode', 'server_mode', 'rkv_version'];
    const shown = fields.filter((field) => info.includes(`\r\n${field}:`));
    return [hello[4]!, hello[8]!, /redis_version:(\S+)/.exec(info)![1]!, ...shown];
  };
  const as = async (profile: string): Promise<void> => {
    expect(await client.call('CONFIG', 'SET', 'compat-profile', profile)).toBe('+OK\r\n');
  };
  const both = ['redis_version', 'server_name', 'redis_mode', 'rkv_version'];
  expect(await told()).toEqual(['redis', '7.4.1', '7.2.4', ...both]);
  await client.call('CONFIG', 'SET', 'hello-version', '');
  expect(await told()).toEqual(['redis', '7.2.4', '7.2.4', ...both]);
  await as('redis-7.0');
  expect(await told()).toEqual(['redis', '7.0.15', '7.0.15', 'redis_version', 'redis_mode', 'rkv_version']);
  await as('valkey-8');
  const valkeys = ['redis_version', 'server_name', 'valkey_version', 'server_mode', 'rkv_version'];
  expect(await told()).toEqual(['valkey', '8.0.1', '7.2.4', ...valkeys]);
  expect(await client.call('CONFIG', 'SET', 'hello-version', '7.x')).toContain('argument must be a version like 7.4.0');
  client.close();
});

test('a profile has defaults of its own, and writes what its readers can read', async () => {
  await using server = await startServer({ 'compat-profile': 'valkey-8', 'lazyfree-lazy-expire': 'no' });
  const client = await RawClient.connect(server.port);
  const setting = async (name: string): Promise<unknown> => (await client.call('CONFIG', 'GET', name)).split('\r\n')[4];
  expect(await setting('repl-backlog-size')).toBe(String(10 * 2 ** 20));
  expect([await setting('lazyfree-lazy-eviction'), await setting('lazyfree-lazy-expire')]).toEqual(['yes', 'no']);
  await server.call('SADD', 's', 'a');
  const payload = async (): Promise<number[]> => {
    const reply = await client.call('DUMP', 's');
    const body = Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');
    return [body[0]!, body.readUInt16LE(body.length - 10)];
  };
  expect(await payload()).toEqual([20, 11]);
  await server.call('CONFIG', 'SET', 'compat-profile', 'redis-7.0');
  expect(await payload()).toEqual([2, 10]);
  expect(await server.call('OBJECT', 'ENCODING', 's')).toBe('hashtable');
  client.close();
});

test('client libraries of today ask for notices of maintenance, and none of them is refused', async () => {
  await using server = await startServer();
  const client = await RawClient.connect(server.port);
  // node-redis 6 and redis-py 8, go-redis 9, Lettuce 7.
  for (const words of [
    ['CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'internal-ip'],
    ['client', 'maint_notifications', 'on', 'moving-endpoint-type', 'none'],
    ['CLIENT', 'MAINT_NOTIFICATIONS', 'on'],
    ['CLIENT', 'MAINT_NOTIFICATIONS', 'OFF'],
  ]) {
    recordSent(words);
    expect(await client.call(...words), words.join(' ')).toBe('+OK\r\n');
  }
  for (const wrong of [['x'], ['ON', 'moving-endpoint-type'], ['ON', 'moving-endpoint-type', 'x'], ['ON', 'x', 'none']])
    expect(await client.call('CLIENT', 'MAINT_NOTIFICATIONS', ...wrong)).toBe('-ERR syntax error\r\n');
  expect(await client.call('INFO', 'errorstats')).toContain('errorstat_ERR:count=4');
  client.close();
});
