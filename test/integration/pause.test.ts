import { connect as connectSocket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { answers, connect, createCluster, startNode, until } from './processes.ts';

/* CLIENT PAUSE holds commands back; it does not change what they mean. */

test('ASKING is good for a command that was held back, and for a whole transaction', async () => {
  const { ports } = await createCluster(20_440);
  const [source, target] = [connect(ports[0]!), connect(ports[1]!)];
  const ids = await Promise.all([source, target].map(async (node) => String(await node.call('CLUSTER', 'MYID'))));
  await target.call('CLUSTER', 'SETSLOT', 0, 'IMPORTING', ids[0]!);
  await source.call('CLUSTER', 'SETSLOT', 0, 'MIGRATING', ids[1]!);
  const key = 's7920'; // Slot 0.
  expect(await source.call('CLUSTER', 'KEYSLOT', key)).toBe(0);

  await connect(ports[1]!).client('PAUSE', 300, 'WRITE');
  const replies = await target.pipeline([['asking'], ['set', key, '1']]).exec();
  expect(replies).toEqual([
    [null, 'OK'],
    [null, 'OK'],
  ]);

  const transaction = await target.pipeline([['asking'], ['multi'], ['get', key], ['exec'], ['get', key]]).exec();
  expect(transaction?.slice(0, 4).map(([error]) => error)).toEqual([null, null, null, null]);
  expect(transaction?.[3]?.[1]).toEqual(['1']);
  expect(transaction?.[4]?.[0]?.message).toMatch(/^MOVED 0 /);
});

test('a command that was held back stays silent when CLIENT REPLY SKIP stood before it', async () => {
  const node = startNode('rkv', { port: 20_450 });
  await answers(node);
  await node.client().client('PAUSE', 300, 'WRITE');
  const socket = connectSocket(node.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  socket.write('CLIENT REPLY SKIP\r\nSET quiet 1\r\nECHO loud\r\n');
  await until('the echo came', async () => heard.endsWith('loud\r\n'));
  expect(heard).toBe('$4\r\nloud\r\n');
});
