/* A primary whose process stood still for longer than the others wait, with requests in its sockets. */
import { connect as connectSocket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { adoptNodes, planAdoption } from '../../src/cluster/operations/adopt.ts';
import { finish } from '../../src/cluster/run/run.ts';
import { answers, clusterState, connect, startNode, until } from './processes.ts';

const PORT = 20_480;
const NODE_TIMEOUT_MS = 800;
/** Slot 3300, of the first primary. */
const KEY = 'b';

test('the first write after it stood still is refused: another has been elected meanwhile', async () => {
  const args = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    String(NODE_TIMEOUT_MS),
    '--repl-diskless-sync-delay',
    '0',
  ];
  const nodes = [0, 1, 2, 3].map((i) => startNode('rkv', { port: PORT + i, args }));
  await Promise.all(nodes.map(answers));
  const addresses = nodes.slice(0, 3).map(({ port }) => ({ host: '127.0.0.1', port }));
  await finish(adoptNodes(planAdoption(addresses, { replicas: 0 }), { access: {}, timeout_ms: 60_000 }));
  await becomeReplica(PORT + 3, PORT);
  const [primary] = nodes;
  const observer = connect(PORT + 1);
  const owner = async (): Promise<number> => {
    const ranges = await observer.cluster('SLOTS');
    return Number(ranges.find(([start]) => start === 0)?.[2]?.[1]);
  };
  const socket = connectSocket(PORT, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  socket.write(`SET ${KEY} before\r\n`);
  await until('it takes writes', async () => heard === '+OK\r\n');

  primary!.child.kill('SIGSTOP');
  socket.write(`SET ${KEY} frozen\r\n`);
  await until('its replica was elected', async () => (await owner()) !== PORT);
  primary!.child.kill('SIGCONT');
  await until('it answers', async () => heard.split('\r\n').length > 2);
  expect(heard).toMatch(/^\+OK\r\n-(CLUSTERDOWN The cluster is down|MOVED 3300 127\.0\.0\.1:\d+)\r\n$/);
  expect(await connect(await owner()).get(KEY)).toBe('before');
  await until('it is a member again', async () => (await clusterState(PORT)) === 'ok');
}, 60_000);

async function becomeReplica(port: number, primary: number): Promise<void> {
  const replica = connect(port);
  const id = String(await connect(primary).call('CLUSTER', 'MYID'));
  await replica.call('CLUSTER', 'MEET', '127.0.0.1', primary);
  await until('the replica knows its primary', async () => (await replica.call('CLUSTER', 'REPLICATE', id)) === 'OK');
  await until('the replica is in sync', async () => /master_link_status:up/.test(await replica.info('replication')));
  for (const voter of [primary, primary + 1, primary + 2]) {
    const nodes = async (): Promise<string> => String(await connect(voter).cluster('NODES'));
    await until(`${voter} knows the replica`, async () => (await nodes()).includes(` slave ${id} `));
  }
}
