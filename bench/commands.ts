/*
 * Requests per second and CPU time per operation of single commands, by redis-benchmark, against both servers in turn.
 * The same load goes to one server, then to the other, several rounds; what counts is the median of the rounds' ratios,
 * because the two halves of a round see about the same machine, and the first and the last round may not.
 */
import { fill, runBenchmark } from './load.ts';
import { type BenchServer, KINDS, type Kind, mainThreadCpu_ns, median, start } from './servers.ts';

export interface CommandCase {
  command: (typeof COMMANDS)[number];
  pipeline: number;
  connections: number;
  valueBytes: number;
  keys: number;
}

export interface CommandResult extends CommandCase {
  /** Requests per second, and nanoseconds of the main thread per request; medians over the rounds. */
  rps: Record<Kind, number>;
  cpu_ns: Record<Kind, number>;
  /** Share of its time that the server's main thread was on a CPU: what is far below 1 waited for the load. */
  busy: Record<Kind, number>;
  /** rkv over redis; medians of the ratios of each round. */
  rpsRatio: number;
  cpuRatio: number;
}

export interface CommandOptions {
  rounds: number;
  port: number;
  tell: (line: string) => void;
}

const MILLION = 1_000_000;
/** PING costs a server next to nothing: it shows what the load itself can do. */
const COMMANDS = ['PING', 'GET', 'SET', 'INCR', 'LPUSH', 'SADD', 'HSET', 'HSET in one', 'HGET', 'MSET'] as const;
const DEPTHS = [1, 16, 100];

export function commandCases({ quick }: { quick: boolean }): CommandCase[] {
  const usual = { connections: 50, valueBytes: 16, keys: MILLION };
  const main = DEPTHS.flatMap((pipeline) => COMMANDS.map((command) => ({ command, pipeline, ...usual })));
  if (quick) return main;
  const others = [{ connections: 500 }, { valueBytes: 1024 }, { keys: 5 * MILLION }];
  const further = others.flatMap((other) =>
    DEPTHS.flatMap((pipeline) =>
      (['GET', 'SET'] as const).map((command) => ({ command, pipeline, ...usual, ...other })),
    ),
  );
  return [...main, ...further];
}

/** Cases that agree in what the servers are filled with share a pair of servers. */
export async function benchCommands(cases: readonly CommandCase[], options: CommandOptions): Promise<CommandResult[]> {
  const results: CommandResult[] = [];
  const groups = Map.groupBy(cases, ({ keys, valueBytes }) => `${keys} keys of ${valueBytes} bytes`);
  for (const group of groups.values()) {
    const servers: BenchServer[] = [];
    try {
      for (const [i, kind] of KINDS.entries()) servers.push(await start(kind, options.port + i));
      for (const { port } of servers) await fill(port, group[0]!);
      for (const one of group) {
        const result = await compare(servers, one, options);
        results.push(result);
        options.tell(describe(result));
      }
    } finally {
      for (const server of servers) await server.stop();
    }
  }
  return results;
}

function describe(result: CommandResult): string {
  const { command, pipeline, connections, valueBytes, keys, rps, cpu_ns, rpsRatio, cpuRatio } = result;
  const load = `${command.padEnd(11)} P${String(pipeline).padEnd(3)} ${connections} × ${valueBytes} B, ${keys / MILLION} M`;
  const of = (kind: Kind): string => `${kind} ${Math.round(rps[kind] / 1000)}k/s ${Math.round(cpu_ns[kind])} ns`;
  const ratios = `${rpsRatio.toFixed(2)}x   CPU per op ${cpuRatio.toFixed(2)}x`;
  return `${load.padEnd(34)} ${of('redis').padEnd(24)} ${of('rkv').padEnd(24)} ${ratios}`;
}

async function compare(
  servers: readonly BenchServer[],
  one: CommandCase,
  { rounds }: CommandOptions,
): Promise<CommandResult> {
  const requests = requestsFor(one);
  const measured = { redis: newSamples(), rkv: newSamples() };
  // One round more, to warm up: code, caches, and lists and sets that begin with nothing.
  for (let round = 0; round <= rounds; round++) {
    for (const server of servers) {
      const cpuBefore_ns = mainThreadCpu_ns(server.pid);
      const rps = await runBenchmark(argumentsOf(server.port, one, requests));
      if (round === 0) continue;
      const cpu_ns = (mainThreadCpu_ns(server.pid) - cpuBefore_ns) / requests;
      const { [server.kind]: samples } = measured;
      samples.rps.push(rps);
      samples.cpu_ns.push(cpu_ns);
      samples.busy.push((cpu_ns * rps) / 1e9);
    }
  }
  const of = (what: keyof Samples): Record<Kind, number> => ({
    redis: median(measured.redis[what]),
    rkv: median(measured.rkv[what]),
  });
  const [rps, cpu_ns, busy] = [of('rps'), of('cpu_ns'), of('busy')];
  return { ...one, rps, cpu_ns, busy, rpsRatio: ratio(measured, 'rps'), cpuRatio: ratio(measured, 'cpu_ns') };
}

interface Samples {
  rps: number[];
  cpu_ns: number[];
  busy: number[];
}

function newSamples(): Samples {
  return { rps: [], cpu_ns: [], busy: [] };
}

function ratio({ redis, rkv }: Record<Kind, Samples>, what: keyof Samples): number {
  return median(rkv[what].map((value, round) => value / redis[what][round]!));
}

/** Enough for a quarter of a second; with many connections more, lest accepting them be a part of what is measured. */
function requestsFor({ pipeline, command, connections }: CommandCase): number {
  const base = pipeline === 1 ? 20_000 : pipeline === 16 ? 200_000 : 400_000;
  const share = (command === 'MSET' ? 1 / 6 : 1) * (connections > 100 ? 2 : 1);
  return Math.round(base * share);
}

function argumentsOf(port: number, one: CommandCase, requests: number): (string | number)[] {
  const load = ['-P', one.pipeline, '-c', one.connections, '-d', one.valueBytes, '-r', one.keys];
  return ['-p', port, '-n', requests, ...load, ...wordsOf(one)];
}

/** A test of redis-benchmark, or a command where it has none. */
function wordsOf({ command, valueBytes }: CommandCase): string[] {
  const random = '__rand_int__';
  const value = 'v'.repeat(valueBytes);
  switch (command) {
    // 'ping' alone would mean its inline form too, which is another one.
    case 'PING':
      return ['-t', 'ping_mbulk'];
    // One field in each of many hashes, and many fields in one.
    case 'HSET':
      return ['HSET', `hash:${random}`, 'field', value];
    case 'HSET in one':
      return ['HSET', 'hash', `field:${random}`, value];
    case 'HGET':
      return ['HGET', 'hash', `field:${random}`];
    default:
      return ['-t', command.toLowerCase()];
  }
}
