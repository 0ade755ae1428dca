import { expect, test } from 'vitest';
import { answers, clusterClient, connect, createCluster, pidOf, startNode, until } from './processes.ts';

/* What a node says while it does not know yet whether it may serve. */

test('a cluster node without slots serves no key from its first moment on', async () => {
  const node = startNode('rkv', { port: 20_460, args: ['--cluster-enabled', 'yes'] });
  await answers(node);
  await expect(node.client().set('a', '1')).rejects.toThrow('CLUSTERDOWN Hash slot not served');
});

test('a primary that was killed and comes back takes no write that is not its own', async () => {
  const { ports, home, run } = await createCluster(20_464);
  const client = clusterClient(ports);
  await client.set('before', '1');
  process.kill(await pidOf(ports[0]!), 'SIGKILL');
  const started = run('node', 'start', String(ports[0]!), '--cluster', 'it');
  expect(home).not.toBe('');

  // A key of the second primary, offered to the first from the moment on that it listens.
  const stray = connect(ports[0]!);
  const answered = await stray.set('stray2', '1').then(
    () => 'OK',
    (error: Error) => error.message,
  );
  expect(answered).toMatch(/^(CLUSTERDOWN|MOVED|LOADING)/);
  await started;
  await until('its own keys are served again', async () => (await client.set('after', '1')) === 'OK');
});
