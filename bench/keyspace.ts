/*
 * The keyspace alone, without sockets and commands: `node bench/keyspace.ts [keys]`. Keys of 16 bytes, values of 32, in
 * batches of 500 operations with the cleaner run between them, as a server's turns would.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Prng } from '../src/base/prng.ts';
import { NO_DEADLINE } from '../src/server/keyspace/database.ts';
import { Keyspace } from '../src/server/keyspace/keyspace.ts';

const KEYS = Number(process.argv[2] ?? 5_000_000);
const BATCH = 500;
const KEY_BYTES = 16;

const keyspace = new Keyspace({ seed: 1 });
const db = keyspace.databases[0]!;
const prng = new Prng(2);
const input = Buffer.allocUnsafeSlow(BATCH * KEY_BYTES);
const value = Buffer.alloc(300, 'v');
let found = 0;

/** Digits of n into the i-th place of the input. */
function writeKey(i: number, n: number): void {
  const start = i * KEY_BYTES;
  input.latin1Write('key:', start);
  for (let at = start + KEY_BYTES - 1; at >= start + 4; at--) {
    input[at] = 48 + (n % 10);
    n = Math.floor(n / 10);
  }
}

interface Outcome {
  operation_ns: number;
  longest_ms: number;
}

/** Of the main thread's pauses for garbage, the longest since the last report. */
let longestGc_ms = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestGc_ms = Math.max(longestGc_ms, duration);
}).observe({ entryTypes: ['gc'] });

async function measure(
  operations: number,
  next: () => number,
  run: (off: number, n: number) => void,
): Promise<Outcome> {
  let total_ms = 0;
  let longest_ms = 0;
  for (let done = 0; done < operations; done += BATCH) {
    for (let i = 0; i < BATCH; i++) writeKey(i, next());
    const start_ms = performance.now();
    keyspace.now_ms = Date.now();
    for (let i = 0; i < BATCH; i++) run(i * KEY_BYTES, i);
    keyspace.clean(1);
    const elapsed_ms = performance.now() - start_ms;
    total_ms += elapsed_ms;
    longest_ms = Math.max(longest_ms, elapsed_ms);
    // The observer needs a turn to be told.
    if (done % 100_000 === 0) await setImmediate();
  }
  return { operation_ns: (total_ms * 1e6) / operations, longest_ms };
}

function report(title: string, { operation_ns, longest_ms }: Outcome): void {
  const rss = process.memoryUsage().rss - rssBefore;
  const perKey = db.size === 0 ? '' : `${(rss / db.size).toFixed(1)} B/key`;
  const columns = [
    title.padEnd(28),
    `${operation_ns.toFixed(0)} ns`.padStart(8),
    `longest batch ${longest_ms.toFixed(1)} ms`.padStart(22),
    `longest GC ${longestGc_ms.toFixed(1)} ms`.padStart(19),
    perKey,
  ];
  process.stdout.write(`${columns.join('  ')}\n`);
  longestGc_ms = 0;
}

const set = (length: (n: number) => number) => (off: number, n: number) =>
  db.setString(input, off, KEY_BYTES, value, 0, length(n), NO_DEADLINE);
const get = (off: number): void => {
  const ref = db.find(input, off, KEY_BYTES);
  if (ref !== 0) found += db.valueBuf(ref)[db.valueOff(ref)] as number;
};
const random = (): number => prng.below(KEYS);

let counter = 0;
const rssBefore = process.memoryUsage().rss;
report(
  'fill',
  await measure(
    KEYS,
    () => counter++,
    set(() => 32),
  ),
);
report('get random', await measure(2_000_000, random, get));
report(
  'set random',
  await measure(
    2_000_000,
    random,
    set(() => 32),
  ),
);
report(
  'set random, 8 to 112 bytes',
  await measure(
    3_000_000,
    random,
    set(() => 8 + prng.below(105)),
  ),
);
report('get missing', await measure(1_000_000, () => KEYS + prng.below(KEYS), get));
report('random key', await measure(200_000, random, () => void db.randomRef()));

let cursor = 0n;
let met = 0;
const start_ms = performance.now();
do {
  cursor = db.scan(cursor, 100, () => met++);
} while (cursor !== 0n);
report('scan, per key', { operation_ns: ((performance.now() - start_ms) * 1e6) / met, longest_ms: 0 });

const walkStart_ms = performance.now();
const walk = keyspace.beginSnapshot({ record: () => found++ });
while (!walk.step(1));
report('snapshot walk, per key', { operation_ns: ((performance.now() - walkStart_ms) * 1e6) / db.size, longest_ms: 0 });

counter = 0;
report(
  'delete',
  await measure(
    KEYS,
    () => counter++,
    (off) => void db.delete(input, off, KEY_BYTES),
  ),
);
process.stdout.write(`${found > 0 ? '' : 'nothing found'}${JSON.stringify(keyspace.stats())}\n`);
