import { connect as connectSocket } from 'node:net';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { answers, type Started, startNode, until } from './processes.ts';

/* MIGRATE beside clients that do not stop for it. */

test('a big key that is written to all the time moves, with all that was written', async () => {
  const [source, target] = await startPair(20_420);
  const from = source.client();
  await from.set('busy', 'x'.repeat(5_000_000));
  const writer = await writeWithoutPause(source.port, 'busy');

  expect(await from.call('MIGRATE', '127.0.0.1', target.port, 'busy', 0, 5000)).toBe('OK');

  const { appended } = await writer.stop();
  // What came after the move began a new value here.
  const rest = await from.strlen('busy');
  expect((await target.client().strlen('busy')) + rest).toBe(5_000_000 + appended);
});

test('MIGRATE is refused inside a transaction, and the rest of it runs', async () => {
  const [source, target] = await startPair(20_424);
  const from = source.client();
  await from.set('here', '1');
  const transaction = from.multi();
  transaction.call('MIGRATE', '127.0.0.1', target.port, 'here', 0, 1000);
  transaction.get('here');
  const [migrated, got] = (await transaction.exec()) as [[Error | null, unknown], [Error | null, unknown]];
  expect(migrated[0]?.message).toMatch(/^ERR MIGRATE waits/);
  expect(got).toEqual([null, '1']);
});

test('a target that is silent costs the timeout once; one that was restarted costs nothing', async () => {
  const [source, target] = await startPair(20_432);
  const from = source.client();
  await from.set('key', '1');
  const migrate = (timeout_ms: number): Promise<unknown> =>
    from.call('MIGRATE', '127.0.0.1', target.port, 'key', 0, timeout_ms, 'COPY', 'REPLACE');
  expect(await migrate(1000)).toBe('OK');

  await target.kill();
  const again = startNode('rkv', { port: target.port });
  await answers(again);
  expect(await migrate(1000)).toBe('OK');

  again.child.kill('SIGSTOP');
  const began = performance.now();
  await expect(migrate(3000)).rejects.toThrow('IOERR error or timeout reading to target instance');
  expect(performance.now() - began).toBeLessThan(5900);
});

describe('a primary that becomes a replica while its keys travel', () => {
  test('deletes none of them, and tells the client once', async () => {
    const [source, target] = await startPair(20_428);
    const from = source.client();
    await from.set('kept', '1');
    // The target reads nothing, so the keys stay on their way.
    target.child.kill('SIGSTOP');
    const migrating = from.call('MIGRATE', '127.0.0.1', target.port, 'kept', 0, 2000).then(
      () => 'OK',
      (error: Error) => error.message,
    );
    await until('the client waits', async () => /cmd=migrate/.test(await clientList(source)));
    await source.client().call('REPLICAOF', '127.0.0.1', '1');
    target.child.kill('SIGCONT');
    expect(await migrating).toMatch(/UNBLOCKED/);
    await until('the key has arrived', async () => (await target.client().exists('kept')) === 1);
    expect(await source.client().get('kept')).toBe('1');
  });
});

async function startPair(port: number): Promise<[Started, Started]> {
  const pair: [Started, Started] = [startNode('rkv', { port }), startNode('rkv', { port: port + 1 })];
  await Promise.all(pair.map(answers));
  return pair;
}

async function clientList(node: Started): Promise<string> {
  const client: Redis = node.client();
  try {
    return String(await client.client('LIST'));
  } finally {
    client.disconnect();
  }
}

/** Appends a byte again and again, fifty commands at a time. */
async function writeWithoutPause(port: number, key: string): Promise<{ stop(): Promise<{ appended: number }> }> {
  const batch = `*3\r\n$6\r\nAPPEND\r\n$${key.length}\r\n${key}\r\n$1\r\ny\r\n`.repeat(50);
  const socket = connectSocket(port, '127.0.0.1');
  let appended = 0;
  let stopping: (() => void) | null = null;
  const underWay = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      appended += chunk.toString('latin1').split('\r\n').length - 1;
      resolve();
      if (appended % 50 !== 0) return;
      if (stopping === null) socket.write(batch);
      else stopping();
    });
  });
  socket.write(batch);
  await underWay;
  return {
    async stop() {
      await new Promise<void>((resolve) => {
        stopping = resolve;
      });
      socket.destroy();
      return { appended };
    },
  };
}
