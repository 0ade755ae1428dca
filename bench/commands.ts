/*
 * Requests per second and CPU time per operation of single commands, by redis-benchmark, against both servers in turn.
 * The same load goes to one server, then to the other, several rounds; what counts is the ratio of the medians.
 */
import { spawn } from 'node:child_process';
import { type BenchServer, KINDS, type Kind, mainThreadCpu_ns, median, start } from './servers.ts';

export interface CommandCase {
  command: 'GET' | 'SET' | 'INCR' | 'LPUSH' | 'SADD' | 'MSET';
  pipeline: number;
  connections: number;
  valueBytes: number;
  keys: number;
}

export interface CommandResult extends CommandCase {
  /** Requests per second, and nanoseconds of the main thread per request; medians over the rounds. */
  rps: Record<Kind, number>;
  cpu_ns: Record<Kind, number>;
  /** rkv over redis. */
  rpsRatio: number;
  cpuRatio: number;
}

const MILLION = 1_000_000;

export function commandCases({ quick }: { quick: boolean }): CommandCase[] {
  const cases: CommandCase[] = [];
  const commands = ['GET', 'SET', 'INCR', 'LPUSH', 'SADD', 'MSET'] as const;
  const usual = { connections: 50, valueBytes: 16, keys: MILLION };
  for (const pipeline of [1, 16, 100]) for (const command of commands) cases.push({ command, pipeline, ...usual });
  if (quick) return cases;
  for (const pipeline of [1, 16, 100]) {
    for (const command of ['GET', 'SET'] as const) {
      cases.push({ command, pipeline, ...usual, connections: 500 });
      cases.push({ command, pipeline, ...usual, valueBytes: 1024 });
      cases.push({ command, pipeline, ...usual, keys: 5 * MILLION });
    }
  }
  return cases;
}

/** Enough requests for half a second or so at each depth. */
function requestsFor({ pipeline, command }: CommandCase, quick: boolean): number {
  const base = pipeline === 1 ? 60_000 : pipeline === 16 ? 400_000 : 800_000;
  const perRequest = command === 'MSET' ? 6 : 1;
  return Math.round(base / perRequest / (quick ? 2 : 1));
}

export async function benchCommands(
  cases: readonly CommandCase[],
  { rounds, quick, port, tell }: { rounds: number; quick: boolean; port: number; tell: (line: string) => void },
): Promise<CommandResult[]> {
  const results: CommandResult[] = [];
  for (const keys of new Set(cases.map((one) => one.keys))) {
    const servers = await Promise.all(KINDS.map((kind, i) => start(kind, port + i)));
    for (const server of servers) await fill(server, keys);
    for (const one of cases.filter((candidate) => candidate.keys === keys)) {
      const result = await compare(servers, one, rounds, requestsFor(one, quick));
      results.push(result);
      tell(describe(result));
    }
    for (const server of servers) await server.stop();
  }
  return results;
}

export function describe(result: CommandResult): string {
  const { command, pipeline, connections, valueBytes, keys, rps, rpsRatio, cpuRatio } = result;
  const what = `${command.padEnd(5)} P${String(pipeline).padEnd(3)} ${connections} conns ${valueBytes} B ${keys / MILLION} M keys`;
  const rates = `redis ${Math.round(rps.redis / 1000)}k/s  rkv ${Math.round(rps.rkv / 1000)}k/s`;
  return `${what.padEnd(40)} ${rates.padEnd(32)} ${rpsRatio.toFixed(2)}x   CPU per op ${cpuRatio.toFixed(2)}x`;
}

async function compare(
  servers: readonly BenchServer[],
  one: CommandCase,
  rounds: number,
  requests: number,
): Promise<CommandResult> {
  const rps: Record<Kind, number[]> = { redis: [], rkv: [] };
  const cpu: Record<Kind, number[]> = { redis: [], rkv: [] };
  // One round to warm up: code, caches and the table of the keys.
  for (let round = -1; round < rounds; round++) {
    for (const server of servers) {
      const before = mainThreadCpu_ns(server.pid);
      const rate = await load(server.port, one, requests);
      if (round < 0) continue;
      rps[server.kind].push(rate);
      cpu[server.kind].push((mainThreadCpu_ns(server.pid) - before) / requests);
    }
  }
  const medians = { redis: median(rps.redis), rkv: median(rps.rkv) };
  const cpuMedians = { redis: median(cpu.redis), rkv: median(cpu.rkv) };
  return {
    ...one,
    rps: medians,
    cpu_ns: cpuMedians,
    rpsRatio: medians.rkv / medians.redis,
    cpuRatio: cpuMedians.rkv / cpuMedians.redis,
  };
}

function load(port: number, one: CommandCase, requests: number): Promise<number> {
  const args = ['-p', port, '-n', requests, '-r', one.keys, '-P', one.pipeline, '-c', one.connections, '-d', one.valueBytes];
  return runBenchmark([...args, '-t', one.command.toLowerCase(), '--csv'].map(String));
}

/** So that reads find something. */
async function fill(server: BenchServer, keys: number): Promise<void> {
  const args = ['-p', server.port, '-n', keys, '-r', keys, '-P', 100, '-c', 20, '-d', 16, '-t', 'set', '--csv'];
  await runBenchmark(args.map(String));
}

/** Answers requests per second. */
function runBenchmark(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('redis-benchmark', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('close', () => {
      const line = text.trim().split('\n').at(-1) ?? '';
      const rate = Number(line.split(',')[1]?.replaceAll('"', ''));
      if (Number.isFinite(rate)) resolve(rate);
      else reject(new Error(`redis-benchmark ${args.join(' ')} printed: ${text}`));
    });
  });
}
