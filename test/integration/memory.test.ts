import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { answers, type Started, startNode, until } from './processes.ts';

const MB = 1024 * 1024;
const PORT = 26_010;

function resident(node: Started): number {
  const status = readFileSync(`/proc/${node.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** What a few turns, a compiler and a collection may take besides. */
const SPARE_BYTES = 50 * MB;

test.skipIf(process.platform !== 'linux')('memory of deleted data goes back to the system within seconds', async () => {
  const node = startNode('rkv', { port: PORT });
  await answers(node);
  const client = node.client();
  const value = 'v'.repeat(250);
  const start = resident(node);
  const fellBack = (what: string): Promise<void> =>
    until(`the memory of ${what} went back`, async () => resident(node) < start + SPARE_BYTES);

  for (let n = 0; n < 400_000; n += 2000) {
    const batch = client.pipeline();
    for (let i = 0; i < 2000; i++) batch.set(`key:${n + i}`, value);
    await batch.exec();
  }
  expect(resident(node) - start).toBeGreaterThan(110 * MB);
  await client.flushall();
  await fellBack('400 000 keys');

  for (let n = 0; n < 10; n++) await client.set(`big:${n}`, 'v'.repeat(10 * MB));
  expect(resident(node) - start).toBeGreaterThan(80 * MB);
  for (let n = 0; n < 10; n++) await client.del(`big:${n}`);
  await fellBack('big strings');
});
