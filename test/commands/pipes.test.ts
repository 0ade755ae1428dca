/* How commands end: with whoever read them gone, and as soon as they have said what there is to say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rkv, startRkv, temporaryHome } from './rkv.ts';

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
    [0, ['help', 'cluster', 'create']],
    [0, ['cluster', 'list']],
    [0, ['cluster', 'list', '--json']],
    [0, ['status']],
    [0, ['verify']],
    [5, ['status', REFUSED]],
    [0, ['node', 'list']],
    [0, ['node', 'logs']],
    [0, ['env']],
    [0, ['cli', 'INFO']],
    [0, ['cluster', 'create', 'other', '--dry-run']],
  ])('ends with its own exit code %d and says nothing: %j', async (status, argv) => {
    const { child, ended } = startRkv(argv, { home });
    child.stdout?.destroy();
    const ran = await ended;
    expect(ran.stderr.split('\n').filter((line) => !/^ *[!·]/.test(line) && line !== '')).toEqual([]);
    expect(ran.status).toBe(status);
  });
});

/** Well below the two seconds for which a connection that never was could keep a process. */
const LAG_MS_MAX = 1000;

describe('a command that meets a port where nobody listens', () => {
  test.each([
    [5, ['status', REFUSED]],
    [5, ['status', REFUSED, '--json']],
    [5, ['verify', REFUSED]],
    [5, ['node', 'list', '--cluster', REFUSED]],
    [5, ['cluster', 'create', REFUSED, '--replicas', '0']],
    [5, ['cli', '-p', '24098', 'PING']],
    [4, ['wait', 'ok', REFUSED, '--timeout', '100ms']],
  ])('ends with %d as soon as it has printed: %j', async (status, argv) => {
    const { child, ended } = startRkv(argv, { home });
    let printed_ms = 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', () => {
        printed_ms = performance.now();
      });
    }
    const ran = await ended;
    expect(ran.status, ran.stderr).toBe(status);
    expect(printed_ms).toBeGreaterThan(0);
    expect(performance.now() - printed_ms).toBeLessThan(LAG_MS_MAX);
  });
});
