import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { AS_7_0 } from '../support/as-7-0.ts';
import { recordSent } from '../support/sent-commands.ts';

/* INFO and CLIENT LIST as those who monitor read them: the same names as in Redis, and figures that are true. */

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server?.close());

interface Section {
  readonly title: string;
  readonly fields: Map<string, string>;
}

function sectionsOf(text: unknown): Section[] {
  const sections: Section[] = [];
  for (const line of String(text).split('\r\n')) {
    if (line.startsWith('# ')) sections.push({ title: line.slice(2), fields: new Map() });
    const colon = line.indexOf(':');
    if (colon > 0) sections.at(-1)?.fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return sections;
}

async function info(section = 'everything'): Promise<Map<string, string>> {
  recordSent(['INFO', section]);
  const sections = sectionsOf(await server.call('INFO', section));
  return new Map(sections.flatMap(({ fields }) => [...fields]));
}

async function figure(name: string): Promise<number> {
  return Number((await info()).get(name));
}

/** Ours alone: what Redis has no word for, or has since 7.2. */
const OUR_OWN = new Set([
  'rkv_version',
  'node_version',
  'node_heap_used',
  'node_external',
  'client_output_buffer_limit_disconnections',
]);

describe.skipIf(!hasRedisServer)('beside redis-server', () => {
  let redis: RealRedis;

  beforeAll(async () => {
    redis = await startRealRedis(['--save', '', '--appendonly', 'yes']);
  });

  afterAll(() => redis?.stop());

  test('INFO has the sections and fields of Redis, in its order', async () => {
    await using ours = await startServer({ ...AS_7_0, appendonly: true });
    for (const one of [ours, redis]) {
      await one.call('SET', 'key', 'text');
      await one.call('GET', 'key');
    }
    const [mine, its] = [await ours.call('INFO', 'everything'), await redis.call('INFO', 'everything')].map(sectionsOf);
    expect(mine!.map(({ title }) => title)).toEqual(its!.map(({ title }) => title));
    for (const [i, { title, fields }] of its!.entries()) {
      if (title === 'Commandstats' || title === 'Errorstats' || title === 'Latencystats') continue;
      const known = [...mine![i]!.fields.keys()].filter((name) => !OUR_OWN.has(name));
      expect(known, title).toEqual([...fields.keys()].filter((name) => name !== 'tcp_port' || known.includes(name)));
    }
  });

  test.each([[], ['default'], ['all'], ['everything'], ['server', 'CPU'], ['nothing', 'keyspace'], ['all', 'server']])(
    'INFO %s %s shows the same sections as Redis',
    async (...wanted: string[]) => {
      const titles = async (one: Pick<RealRedis, 'call'>): Promise<string[]> =>
        sectionsOf(await one.call('INFO', ...wanted)).map(({ title }) => title);
      expect(await titles(server)).toEqual(await titles(redis));
    },
  );

  test('CLIENT LIST has the fields of Redis, in its order', async () => {
    const names = (line: unknown): string[] => [...String(line).matchAll(/([a-z-]+)=/g)].map(([, name]) => name!);
    await using ours = await startServer(AS_7_0);
    expect(names(await ours.call('CLIENT', 'INFO'))).toEqual(names(await redis.call('CLIENT', 'INFO')));
  });
});

test('used_memory is the sum of its parts, and its peak is never below it', async () => {
  await server.call('SET', 'big', randomBytes(3_000_000));
  const memory = await info('memory');
  const bytes = (name: string): number => Number(memory.get(name));
  expect(bytes('used_memory')).toBe(bytes('used_memory_overhead') + bytes('used_memory_dataset'));
  expect(bytes('used_memory_overhead')).toBeGreaterThanOrEqual(bytes('used_memory_startup'));
  expect(bytes('used_memory_dataset')).toBeGreaterThan(3_000_000);
  expect(bytes('used_memory_peak')).toBeGreaterThanOrEqual(bytes('used_memory'));
  await server.call('DEL', 'big');
  const after = await info('memory');
  expect(Number(after.get('used_memory'))).toBeLessThan(bytes('used_memory') - 2_900_000);
  expect(Number(after.get('used_memory_peak'))).toBe(bytes('used_memory_peak'));
  expect(Number(after.get('mem_fragmentation_ratio'))).toBeCloseTo(
    Number(after.get('used_memory_rss')) / Number(after.get('used_memory')),
    1,
  );
});

test('CONFIG RESETSTAT forgets the peak and the traffic of open connections', async () => {
  await server.call('SET', 'big', randomBytes(3_000_000));
  await info();
  await server.call('DEL', 'big');
  expect(await figure('total_net_input_bytes')).toBeGreaterThan(3_000_000);
  await server.call('CONFIG', 'RESETSTAT');
  expect(await figure('total_net_input_bytes')).toBeLessThan(1000);
  const memory = await info();
  // What clients hold comes and goes by some bytes.
  expect(Number(memory.get('used_memory_peak')) - Number(memory.get('used_memory'))).toBeLessThan(10_000);
});

test('avg_ttl is the time that is left to keys with a deadline', async () => {
  for (let i = 0; i < 300; i++) await server.call('SET', `ttl:${i}`, 'x', 'PX', String(100_000 + i * 100));
  await server.call('SET', 'stays', 'x');
  const [, ttl] = /avg_ttl=(\d+)/.exec((await info()).get('db0')!)!;
  expect(Number(ttl)).toBeGreaterThan(100_000);
  expect(Number(ttl)).toBeLessThan(130_000);
  await server.call('FLUSHALL');
});

test('the rates of traffic are those of the last seconds', async () => {
  const deadline = Date.now() + 20_000;
  for (;;) {
    await server.call('SET', 'key', randomBytes(100_000));
    await server.call('GET', 'key');
    const [into, out] = [await figure('instantaneous_input_kbps'), await figure('instantaneous_output_kbps')];
    if (into > 50 && out > 50) break;
    expect(Date.now()).toBeLessThan(deadline);
  }
});

test('a save in the background leaves how long it took, and how many keys a load brought', async () => {
  expect(await figure('rdb_last_bgsave_time_sec')).toBe(-1);
  await server.call('BGSAVE');
  const deadline = Date.now() + 20_000;
  while ((await figure('rdb_saves')) === 0) expect(Date.now()).toBeLessThan(deadline);
  expect(await figure('rdb_last_bgsave_time_sec')).toBe(0);
  expect(await figure('rdb_current_bgsave_time_sec')).toBe(-1);
});

test('CLIENT LIST tells what a client holds', async () => {
  const line = String(await server.call('CLIENT', 'INFO'));
  const field = (name: string): number => Number(new RegExp(` ${name}=(\\S+)`).exec(line)?.[1]);
  // CLIENT and INFO; the request around them has 26 bytes.
  expect(field('argv-mem')).toBe(10);
  expect(field('qbuf')).toBe(26);
  expect(field('tot-mem')).toBeGreaterThanOrEqual(field('omem'));
});

test('commandstats count calls, time, refusals before and failures in a command', async () => {
  await server.call('CONFIG', 'RESETSTAT');
  await server.call('SET', 'text', 'x');
  await server.call('SET', 'text', 'x');
  await server.call('INCR', 'text').catch(() => {});
  await server.call('GET').catch(() => {});
  await server.call('CONFIG', 'GET').catch(() => {});
  const figures = async (name: string): Promise<string> =>
    ((await info('commandstats')).get(`cmdstat_${name}`) ?? 'none').replace(/usec=\d+,usec_per_call=[\d.]+/, 'T');
  expect(await figures('set')).toBe('calls=2,T,rejected_calls=0,failed_calls=0');
  expect(await figures('incr')).toBe('calls=1,T,rejected_calls=0,failed_calls=1');
  expect(await figures('get')).toBe('calls=0,T,rejected_calls=1,failed_calls=0');
  expect(await figures('config|get')).toBe('calls=0,T,rejected_calls=1,failed_calls=0');
  expect((await info('latencystats')).get('latency_percentiles_usec_set')).toMatch(
    /^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$/,
  );
  await server.call('CONFIG', 'SET', 'latency-tracking', 'no');
  expect([...(await info('latencystats')).keys()]).toEqual([]);
  await server.call('CONFIG', 'SET', 'latency-tracking', 'yes');
});
