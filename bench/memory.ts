/*
 * Memory per key, and the longest stall while the keys come in.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { fill } from './load.ts';
import { type BenchServer, KINDS, type Kind, residentBytes, start } from './servers.ts';

export interface MemoryResult {
  keys: number;
  bytesPerKey: Record<Kind, number>;
  ratio: number;
  /** Milliseconds of CPU in the longest turn of our event loop. */
  longestTurn_ms: number;
}

const VALUE_BYTES = 32;
const SETTLED_MS = 1000;
const PROBE = new URL('stall-probe.mjs', import.meta.url).pathname;

export async function benchMemory(keys: number, port: number): Promise<MemoryResult> {
  const bytesPerKey: Record<Kind, number> = { redis: 0, rkv: 0 };
  let longestTurn_ms = 0;
  for (const [i, kind] of KINDS.entries()) {
    const server = await start(kind, port + i, kind === 'rkv' ? { preload: PROBE } : {});
    // Until the probe has begun, and the memory of starting is known.
    await wait(SETTLED_MS);
    const before = residentBytes(server.pid);
    await fill(server.port, { keys, valueBytes: VALUE_BYTES });
    bytesPerKey[kind] = (residentBytes(server.pid) - before) / keys;
    if (kind === 'rkv') longestTurn_ms = await askProbe(server);
    await server.stop();
  }
  return { keys, bytesPerKey, ratio: bytesPerKey.rkv / bytesPerKey.redis, longestTurn_ms };
}

function askProbe({ child }: BenchServer): Promise<number> {
  return new Promise((resolve) => {
    child.stdout!.on('data', (text: string) => {
      const found = /longest turn (\d+) us/.exec(text);
      if (found !== null) resolve(Number(found[1]) / 1000);
    });
    child.kill('SIGUSR2');
  });
}
