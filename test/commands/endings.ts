/* How a command ends, for tests of a few commands and of all. */
import { expect } from 'vitest';
import { startRkv } from './rkv.ts';

/** Well below the two seconds for which a connection that never was could keep a process. */
const LAG_MS_MAX = 1000;

/** With whoever read it gone, as `head` goes: its own exit code, and no word of that. */
export async function expectSilentEnd(argv: readonly string[], home: string, status: number): Promise<void> {
  const { child, ended } = startRkv(argv, { home });
  child.stdout?.destroy();
  const ran = await ended;
  expect(ran.stderr.split('\n').filter((line) => !/^ *[!·]/.test(line) && line !== '')).toEqual([]);
  expect(ran.status).toBe(status);
}

/** As soon as it has said what there is to say. */
export async function expectEndOnceSaid(argv: readonly string[], home: string, status: number): Promise<void> {
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
}
