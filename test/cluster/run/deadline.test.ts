import { expect, test } from 'vitest';
import { retryWhile, startDeadline, type Wait, waitUntil } from '../../../src/cluster/run/deadline.ts';
import { CliFailure, EXIT } from '../../../src/cluster/run/failure.ts';

const waitOf = (change: Partial<Wait> = {}): Wait => ({
  what: 'the thing',
  deadline: startDeadline(60),
  signal: new AbortController().signal,
  every_ms: 5,
  ...change,
});

test('a wait ends as soon as nothing is missing, and tells each change once', async () => {
  const told: string[] = [];
  const missing = ['two more', 'two more', 'one more', null];
  await waitUntil(
    async () => missing.shift()!,
    waitOf({ deadline: startDeadline(10_000), report: (text) => told.push(text) }),
  );
  expect(told).toEqual(['two more', 'one more']);
});

test('a wait whose time is up says what was missing, with facts gathered only then', async () => {
  const wait = waitOf({ evidence: async () => ['port 1 is closed'], suggestions: ['open it'] });
  await expect(waitUntil(async () => 'one more', wait)).rejects.toMatchObject({
    code: 'TIMEOUT',
    exit: 4,
    message: 'the thing: timed out after 60 ms',
    why: 'one more',
    evidence: ['port 1 is closed'],
    suggestions: ['open it'],
  });
});

test('a wait ends when the user breaks it off', async () => {
  const controller = new AbortController();
  const wait = waitOf({ deadline: startDeadline(60_000), every_ms: 50_000, signal: controller.signal });
  const waiting = waitUntil(async () => 'one more', wait);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

test('an action is repeated while it is refused in the expected words, and no longer', async () => {
  const refuse = (why: string): CliFailure => new CliFailure('x', { code: 'NODE_REPLY', exit: EXIT.unexpected, why });
  const answers = [refuse('ERR Unknown node a'), refuse('ERR Unknown node a'), null];
  const act = async (): Promise<void> => {
    const answer = answers.shift()!;
    if (answer !== null) throw answer;
  };
  await retryWhile(/unknown node/i, act, waitOf({ deadline: startDeadline(10_000) }));
  answers.push(refuse('ERR other'));
  await expect(retryWhile(/unknown node/i, act, waitOf())).rejects.toMatchObject({ why: 'ERR other' });
});
