/* How those commands end that pipes.test.ts leaves out: most need a cluster, and each a process. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEndOnceSaid, expectSilentEnd } from './endings.ts';
import { rkv, temporaryHome } from './rkv.ts';

const PORT = 14_190;
/** Nobody listens there. */
const REFUSED = '127.0.0.1:24098';
const { home, remove } = temporaryHome();

beforeAll(async () => {
  const { status, stderr } = await rkv(
    ['cluster', 'create', '--port', `${PORT}`, '--primaries', '1', '--replicas', '0'],
    { home },
  );
  expect(status, stderr).toBe(0);
});

afterAll(async () => {
  await rkv(['cluster', 'destroy', '--yes'], { home });
  remove();
});

describe('a command whose reader has gone, as `head` goes', () => {
  test.each([
    [0, ['--version']],
    [0, ['--help']],
    [0, ['cluster', 'list']],
    [0, ['cluster', 'list', '--json']],
    [0, ['status']],
    [0, ['verify']],
    [0, ['node', 'list']],
    [0, ['node', 'logs']],
    [0, ['env']],
    [0, ['cli', 'INFO']],
  ])('ends with its own exit code %d and says nothing: %j', (status, argv) => expectSilentEnd(argv, home, status));
});

describe('a command that meets a port where nobody listens', () => {
  test.each([
    [5, ['status', REFUSED, '--json']],
    [5, ['verify', REFUSED]],
    [5, ['node', 'list', '--cluster', REFUSED]],
    [5, ['cluster', 'create', REFUSED, '--replicas', '0']],
  ])('ends with %d as soon as it has printed: %j', (status, argv) => expectEndOnceSaid(argv, home, status));
});
