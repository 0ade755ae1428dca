/* What the tests of this folder rely on when they start and kill servers. */
import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { answers, startNode } from './processes.ts';

const PORT = 22_050;
/** Far below the time that is given to a node that may still answer. */
const AT_ONCE_MS = 20_000;

test('a node that ends instead of answering is told at once, with its last words', async () => {
  const node = startNode('rkv', { port: PORT, args: ['--nosuch', '1'] });
  const begun_ms = performance.now();
  await expect(answers(node)).rejects.toThrow(/^22050 ended with 1: .*Bad directive/s);
  expect(performance.now() - begun_ms).toBeLessThan(AT_ONCE_MS);
});

test('a server that answers in place of the process that would be killed is noticed', async () => {
  const node = startNode('rkv', { port: PORT + 1 });
  await answers(node);
  const another = spawn('sleep', ['60']);
  onTestFinished(() => void another.kill('SIGKILL'));
  await expect(answers({ ...node, child: another })).rejects.toThrow(/the process that listens on 22051/);
});
