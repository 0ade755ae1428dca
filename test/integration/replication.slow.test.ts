import { afterEach, describe, expect, test } from 'vitest';
import {
  canRun,
  caughtUp,
  connectTo,
  contents,
  type Kind,
  linkIsUp,
  type Node,
  Servers,
  until,
  values,
} from './replication-servers.ts';

/*
 * Pairs of servers, ours and redis-server in both roles: what is true of two redis-servers has to be true of every pair.
 */

const servers = new Servers(21_000);
afterEach(() => servers.stopAll());

const PAIRS: readonly [Kind, Kind][] = [
  ['rkv', 'redis'],
  ['redis', 'rkv'],
  ['rkv', 'rkv'],
];

for (const [primaryKind, replicaKind] of PAIRS) {
  describe.skipIf(!canRun(primaryKind, replicaKind))(`a ${replicaKind} replica of a ${primaryKind} primary`, () => {
    const pair = async (...args: string[]): Promise<[Node, Node]> => {
      const primary = await servers.start(primaryKind, ...args);
      return [primary, await servers.startReplica(replicaKind, primary)];
    };

    test('gets the data that was there before it', async () => {
      const primary = await servers.start(primaryKind);
      await fill(primary);
      const replica = await servers.startReplica(replicaKind, primary);
      await expectSame(primary, replica);
      expect((await contents(replica)).size).toBe(KEYS_FILLED);
    });

    test('follows what clients write', async () => {
      const [primary, replica] = await pair();
      await fill(primary);
      await change(primary);
      await caughtUp(primary, replica);
      await expectSame(primary, replica);
    });

    test('acknowledges what it has, and WAIT counts it', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'key', 'value');
      expect(await primary.call('WAIT', 1, 0)).toBe(1);
      expect(await replica.call('GET', 'key')).toBe('value');
      expect(await primary.call('WAIT', 2, 100)).toBe(1);
      expect(await primary.info('slave0')).toContain(`port=${replica.port},state=online`);
    });

    test('removes a dead key when its primary says so', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'key', 'value', 'EX', 100);
      expect(await primary.call('WAIT', 1, 0)).toBe(1);
      expect(await replica.call('DBSIZE')).toBe(1);
      await primary.call('PEXPIRE', 'key', 1);
      await until(async () => (await replica.call('DBSIZE')) === 0);
      expect(await primary.call('DBSIZE')).toBe(0);
    });

    test('goes on where it was after the link broke', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'before', '1');
      await caughtUp(primary, replica);
      await primary.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await primary.call('SET', 'after', '2');
      await until(async () => (await replica.call('GET', 'after')) === '2');
      await caughtUp(primary, replica);
      expect([await primary.info('sync_full'), await primary.info('sync_partial_ok')]).toEqual(['1', '1']);
    });

    test('takes over everything when its primary comes back with other data', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'old', '1');
      await caughtUp(primary, replica);
      await primary.kill();
      await until(async () => (await replica.info('master_link_status')) === 'down');
      expect(await replica.call('GET', 'old')).toBe('1');
      await primary.start();
      await primary.call('SET', 'new', '2');
      await linkIsUp(replica);
      await caughtUp(primary, replica);
      await expectSame(primary, replica);
      expect(await replica.call('EXISTS', 'old')).toBe(0);
    });

    test('needs no copy when its primary restarts with what it saved', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'key', '1');
      await caughtUp(primary, replica);
      await primary.call('SAVE');
      await primary.kill('SIGKILL');
      await primary.start();
      await linkIsUp(replica);
      await primary.call('SET', 'key', '2');
      await caughtUp(primary, replica);
      expect(await replica.call('GET', 'key')).toBe('2');
      expect([await primary.info('sync_full'), await primary.info('sync_partial_ok')]).toEqual(['0', '1']);
    });

    test('needs no copy when it restarts with what it saved', async () => {
      const [primary, replica] = await pair();
      await primary.client.multi().select(5).set('key', '1').exec();
      await caughtUp(primary, replica);
      await replica.call('SAVE');
      await replica.kill('SIGKILL');
      await primary.call('SET', 'key', '2');
      await replica.start('--replicaof', `127.0.0.1 ${primary.port}`);
      await caughtUp(primary, replica);
      await expectSame(primary, replica, 5);
      expect([await primary.info('sync_full'), await primary.info('sync_partial_ok')]).toEqual(['1', '1']);
    });

    test('becomes a primary, and its old primary follows it without a copy', async () => {
      const [primary, replica] = await pair();
      await primary.call('SET', 'before', '1');
      await caughtUp(primary, replica);
      const history = await primary.info('master_replid');
      await replica.call('REPLICAOF', 'NO', 'ONE');
      expect(await replica.info('role')).toBe('master');
      expect(await replica.info('master_replid2')).toBe(history);
      await primary.call('REPLICAOF', '127.0.0.1', replica.port);
      await linkIsUp(primary);
      await replica.call('SET', 'after', '2');
      await caughtUp(replica, primary);
      await expectSame(replica, primary);
      expect([await replica.info('sync_full'), await replica.info('sync_partial_ok')]).toEqual(['0', '1']);
      expect(await primary.info('master_replid')).toBe(await replica.info('master_replid'));
    });

    test('ends with the same data when it attaches under load', async () => {
      const primary = await servers.start(primaryKind);
      const keys = 20_000;
      await write(primary, keys);
      const load = writeUnderLoad(primary, keys);
      const replica = await servers.startReplica(replicaKind, primary);
      load.stop();
      expect(await load.written).toBeGreaterThan(0);
      await caughtUp(primary, replica);
      expect(await values(replica)).toEqual(await values(primary));
    });

    test('logs in where its primary asks for a password', async () => {
      const primary = await servers.start(primaryKind);
      await primary.call('SET', 'key', 'value');
      await primary.call('CONFIG', 'SET', 'requirepass', 'secret');
      const replica = await servers.startReplica(replicaKind, primary, '--masterauth', 'secret');
      expect(await replica.call('GET', 'key')).toBe('value');
    });
  });
}

const KEYS_FILLED = 11;

async function fill(node: Node): Promise<void> {
  await node.call('SET', 'text', 'value');
  await node.call('SET', 'number', '12345');
  await node.call('SET', 'binary', Buffer.from([0, 255, 13, 10, 0]));
  await node.call('SET', 'big', 'x'.repeat(3 * 1024 * 1024));
  await node.call('SET', 'mortal', 'value', 'EX', 1000);
  await node.call('RPUSH', 'list', ...Array.from({ length: 1000 }, (_, i) => `element-${i}`));
  await node.call('SADD', 'numbers', 3, 1, 2);
  await node.call('SADD', 'set', ...Array.from({ length: 1000 }, (_, i) => `member-${i}`));
  await node.call('SADD', 'small', 'a', 'b');
  await node.call('HSET', 'fields', 'a', '1', 'b', 'two');
  await node.call('HSET', 'hash', ...Array.from({ length: 1000 }, (_, i) => [`field-${i}`, `value-${i}`]).flat());
  await node.client.multi().select(3).set('elsewhere', '1').select(0).exec();
}

/** Commands whose effects differ from what was asked for, and some that do not. */
async function change(node: Node): Promise<void> {
  await node.call('SELECT', 0);
  await node.client.multi().incr('number').append('text', 'more').lpush('list', 'first').exec();
  await node.call('SREM', 'set', 'member-1', 'member-2');
  await node.call('SREM', 'small', 'a', 'b');
  await node.call('HINCRBYFLOAT', 'fields', 'a', '0.1');
  await node.call('HDEL', 'fields', 'b');
  await node.call('HSET', 'hash', 'field-1', 'eulav-1', 'field-2', 'another', 'new', '1');
  await node.call('HDEL', 'hash', 'field-3', 'none');
  await node.call('EXPIRE', 'text', 500);
  await node.call('PERSIST', 'mortal');
  await node.call('SET', 'gone', '1', 'PX', 1);
  await node.call('GETEX', 'number', 'EX', 300);
  await node.call('INCRBYFLOAT', 'float', '0.1');
  await node.call('SETRANGE', 'big', 1_000_000, 'inside');
  await node.call('APPEND', 'big', 'y'.repeat(100_000));
  await node.call('RENAME', 'numbers', 'renamed');
  await node.call('LPOP', 'list', 3);
  await node.call('MSET', 'a', '1', 'b', '2');
  await node.call('DEL', 'a');
  await node.call('MOVE', 'b', 3);
  await node.call('COPY', 'list', 'copied');
  await until(async () => (await node.call('EXISTS', 'gone')) === 0);
}

async function expectSame(primary: Node, replica: Node, ...more: number[]): Promise<void> {
  for (const db of [0, 3, ...more]) expect(await contents(replica, db)).toEqual(await contents(primary, db));
  expect(await replica.info('master_repl_offset')).toBe(await primary.info('master_repl_offset'));
  expect(await replica.info('master_replid')).toBe(await primary.info('master_replid'));
}

async function write(node: Node, keys: number): Promise<void> {
  for (let at = 0; at < keys; at += 5000) {
    const pairs = Array.from({ length: 5000 }, (_, i): [string, string] => [`key:${at + i}`, `value of ${at + i}`]);
    await node.client.mset(new Map(pairs));
  }
}

function writeUnderLoad(node: Node, keys: number): { stop(): void; written: Promise<number> } {
  let stopped = false;
  const client = connectTo(node);
  const run = async (): Promise<number> => {
    let count = 0;
    while (!stopped) {
      const pipeline = client.pipeline();
      for (let i = 0; i < 100; i++, count++) {
        const key = `key:${(count * 7919) % keys}`;
        if (count % 3 === 0) pipeline.del(key);
        else if (count % 3 === 1) pipeline.append(key, '+');
        else pipeline.rpush(`list:${count % 50}`, `${count}`);
      }
      await pipeline.exec();
    }
    client.disconnect();
    return count;
  };
  return {
    stop() {
      stopped = true;
    },
    written: run(),
  };
}
