/* How commands end: with whoever read them gone, and as soon as they have said what there is to say. The slow test has all. */
import { afterAll, describe, test } from 'vitest';
import { expectEndOnceSaid, expectSilentEnd } from './endings.ts';
import { temporaryHome } from './rkv.ts';

/** Nobody listens there. */
const REFUSED = '127.0.0.1:24098';
const { home, remove } = temporaryHome();
afterAll(remove);

describe('a command whose reader has gone, as `head` goes', () => {
  test.each([
    [0, ['help', 'cluster', 'create']],
    [0, ['cluster', 'list']],
    [5, ['status', REFUSED]],
    [0, ['cluster', 'create', 'other', '--dry-run']],
  ])('ends with its own exit code %d and says nothing: %j', (status, argv) => expectSilentEnd(argv, home, status));
});

describe('a command that meets a port where nobody listens', () => {
  test.each([
    [5, ['status', REFUSED]],
    [5, ['cli', '-p', '24098', 'PING']],
    [4, ['wait', 'ok', REFUSED, '--timeout', '100ms']],
  ])('ends with %d as soon as it has printed: %j', (status, argv) => expectEndOnceSaid(argv, home, status));
});
