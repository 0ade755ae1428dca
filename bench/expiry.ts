/*
 * How many dead keys lie around while keys with a short life come in as fast as they can, and how long a million keys
 * take that die together.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { BenchClient, longestPing_ms, request } from './client.ts';
import { runBenchmark } from './load.ts';
import { KINDS, type Kind, median, start } from './servers.ts';

export interface ExpiryResult {
  /** Of keys that live for 100 ms, set at full rate: how many were set a second, and how many dead ones were there. */
  rps: Record<Kind, number>;
  deadKeys: Record<Kind, number>;
  deadKeysMax: Record<Kind, number>;
  /** A million keys with one deadline: until the last is gone, and the longest that a PING waited meanwhile. */
  goneAfter_ms: Record<Kind, number>;
  longestPing_ms: Record<Kind, number>;
}

const LIFE_MS = 100;
const LOAD_REQUESTS = 3_000_000;
const KEYS = 10_000_000;
const SAMPLE_EVERY_MS = 20;
const TOGETHER = 1_000_000;
const BATCH = 500;
const POLL_MS = 10;
const GONE_WITHIN_MS = 60_000;

export async function benchExpiry(port: number): Promise<ExpiryResult> {
  const result = {} as { -readonly [P in keyof ExpiryResult]: Record<Kind, number> };
  for (const [i, kind] of KINDS.entries()) {
    const server = await start(kind, port + i, { args: ['--enable-debug-command', 'yes'] });
    try {
      const figures = { ...(await shortLives(server.port)), ...(await oneDeadline(server.port)) };
      for (const [name, value] of Object.entries(figures)) {
        const row = name as keyof ExpiryResult;
        result[row] = { ...result[row], [kind]: value };
      }
    } finally {
      await server.stop();
    }
  }
  return result;
}

interface Sample {
  at_ms: number;
  keys: number;
  commands: number;
}

async function shortLives(port: number): Promise<{ rps: number; deadKeys: number; deadKeysMax: number }> {
  const client = await BenchClient.open(port);
  const samples: Sample[] = [];
  let loading = true;
  const watching = (async () => {
    while (loading) {
      samples.push(await sample(client));
      await wait(SAMPLE_EVERY_MS);
    }
  })();
  const load = `-p ${port} -n ${LOAD_REQUESTS} -c 50 -P 16 -r ${KEYS} SET key:__rand_int__ 0123456789abcdef PX ${LIFE_MS}`;
  const rps = await runBenchmark(load.split(' '));
  loading = false;
  await watching;
  client.close();
  // The first samples are from before the first keys died.
  const dead = samples.map((_, i) => deadAt(samples, i)).filter((count) => count !== null);
  return { rps, deadKeys: median(dead), deadKeysMax: Math.max(...dead) };
}

/** Both figures of one moment. */
async function sample(client: BenchClient): Promise<Sample> {
  const transaction = request(['MULTI']) + request(['DBSIZE']) + request(['INFO', 'stats']) + request(['EXEC']);
  const reply = await client.send(transaction, 4);
  if (reply.type !== 'array') throw new Error('EXEC was not answered with its replies');
  const [size, stats] = reply.items;
  if (size?.type !== 'integer' || stats?.type !== 'bulk') throw new Error('DBSIZE or INFO was not answered');
  const commands = Number(/^total_commands_processed:(\d+)/m.exec(stats.bytes.toString())?.[1]);
  return { at_ms: performance.now(), keys: Number(size.value), commands };
}

/** All keys but those set within the last life; null before a life has passed. */
function deadAt(samples: readonly Sample[], i: number): number | null {
  const now = samples[i]!;
  const born_ms = now.at_ms - LIFE_MS;
  const before = samples.findLastIndex(({ at_ms }) => at_ms <= born_ms);
  const [from, to] = [samples[before], samples[before + 1]];
  if (from === undefined || to === undefined) return null;
  const share = (born_ms - from.at_ms) / (to.at_ms - from.at_ms);
  return Math.max(0, now.keys - (now.commands - (from.commands + share * (to.commands - from.commands))));
}

async function oneDeadline(port: number): Promise<{ goneAfter_ms: number; longestPing_ms: number }> {
  const client = await BenchClient.open(port);
  await client.ask('FLUSHALL');
  // However long it takes to set them: all are dead before the first is looked for.
  await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  for (let n = 0; n < TOGETHER; n += BATCH) {
    let batch = '';
    for (let i = n; i < n + BATCH; i++) batch += request(['SET', `key:${i}`, 'value', 'PX', 1]);
    await client.send(batch, BATCH);
  }
  const keys = await client.integer('DBSIZE');
  if (keys !== TOGETHER) throw new Error(`${keys} keys instead of ${TOGETHER}`);
  await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  const begun = performance.now();
  const until = begun + GONE_WITHIN_MS;
  const longest_ms = await longestPing_ms(port, async () => {
    while ((await client.integer('DBSIZE')) > 0 && performance.now() < until) await wait(POLL_MS);
  });
  client.close();
  return { goneAfter_ms: performance.now() - begun, longestPing_ms: longest_ms };
}
