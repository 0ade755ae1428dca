/*
 * What a run found, as a table for people, and kept: bench/results/latest.json, and the table between two markers in
 * README.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import type { CommandResult } from './commands.ts';
import type { ExpiryResult } from './expiry.ts';
import type { MemoryResult } from './memory.ts';
import type { CliResult, ClusterResult, LibraryResult } from './processes.ts';
import type { ReshardResult } from './reshard.ts';
import type { StallFigures } from './stall.ts';

export interface Results {
  quick: boolean;
  commands?: CommandResult[];
  memory?: MemoryResult;
  stall?: StallFigures;
  expiry?: ExpiryResult;
  cluster?: ClusterResult;
  reshard?: ReshardResult;
  cli?: CliResult[];
  library?: LibraryResult;
}

const ROOT = new URL('..', import.meta.url);
const LATEST = new URL('bench/results/latest.json', ROOT);
const README = new URL('README.md', ROOT);
/** From this share of PING's rate on, a server waits for the load rather than the load for it. */
const LOAD_SHARE = 0.85;
const BEGIN = '<!-- bench -->';
const END = '<!-- /bench -->';

export function summary(results: Results): string {
  const lines: string[] = [];
  if (results.commands !== undefined) lines.push(...commandTable(results.commands), '');
  lines.push(...otherFigures(results));
  return lines.join('\n');
}

/** Adds these figures to the saved ones (a run of some parts leaves the others), and answers what was written. */
export function save(results: Results, commit: string): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const merged = { ...readLatest(), ...results, commit, machine, load: loadavg()[2]!, date };
  const { readme, begin, end } = findPlace();
  mkdirSync(new URL('.', LATEST), { recursive: true });
  writeFileSync(LATEST, `${JSON.stringify(merged, null, 2)}\n`);
  const table = `${BEGIN}\n${summary(merged)}\n\n${machine}, ${merged.date}, redis-server in the same run, medians of the rounds; commit ${merged.commit}, load average ${merged.load.toFixed(1)}.\n${END}`;
  writeFileSync(README, readme.slice(0, begin) + table + readme.slice(end + END.length));
  return 'saved in bench/results/latest.json and README.md';
}

/** Of what was built for this run; others may come while it lasts. */
export function currentCommit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}

/** Throws when README.md has no place for the table: better before a run of minutes than after it. */
export function findPlace(): { readme: string; begin: number; end: number } {
  const readme = existsSync(README) ? readFileSync(README, 'utf8') : '';
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md has no lines ${BEGIN} and ${END} to put the table between`);
  return { readme, begin, end };
}

function readLatest(): Partial<Results> {
  try {
    return JSON.parse(readFileSync(LATEST, 'utf8')) as Results;
  } catch {
    return {};
  }
}

/** One row a load, one column a pipeline depth: rkv over redis, requests per second and CPU per operation. */
function commandTable(commands: readonly CommandResult[]): string[] {
  const rows = new Map<string, Map<number, CommandResult>>();
  for (const result of commands) {
    const { command, connections, valueBytes, keys, pipeline } = result;
    const name = `${command}, ${valueBytes === 16 ? '16 B' : '1 KB'}, ${connections} connections, ${keys / 1_000_000} M keys`;
    const row = rows.get(name) ?? new Map<number, CommandResult>();
    row.set(pipeline, result);
    rows.set(name, row);
  }
  const heldBack: string[] = [];
  const cell = (result: CommandResult | undefined): string => {
    if (result === undefined) return '–';
    const ceiling = ceilingOf(result, commands);
    if (ceiling !== null) heldBack.push(`${ceiling.toFixed(2)} for ${result.command} at ${result.pipeline}`);
    return `${result.rpsRatio.toFixed(2)}${ceiling === null ? '' : ' ¹'} (${result.cpuRatio.toFixed(2)})`;
  };
  const lines = [
    '| requests per second, rkv : redis (CPU time per operation, rkv : redis) | pipeline 1 | 16 | 100 |',
    '|---|--:|--:|--:|',
    ...[...rows].map(
      ([name, row]) => `| ${name} | ${cell(row.get(1))} | ${cell(row.get(16))} | ${cell(row.get(100))} |`,
    ),
  ];
  if (heldBack.length === 0) return lines;
  const note =
    '¹ As many as of PING, or nearly: redis-benchmark itself does no more, whatever the server. PING, which costs a server ' +
    `next to nothing, would make it ${heldBack.join(', ')}. There the CPU time is what compares the servers.`;
  return [...lines, '', note];
}

/**
 * What the ratio of a command would be if it were as cheap as PING, where the server does nearly that; else null. In
 * pipelines of many requests only: with one, both servers and the load are alike all the time.
 */
function ceilingOf(result: CommandResult, all: readonly CommandResult[]): number | null {
  const { command, pipeline, connections, keys, rps } = result;
  if (command === 'PING' || pipeline === 1) return null;
  const ping = all.find(
    (other) =>
      other.command === 'PING' &&
      other.pipeline === pipeline &&
      other.connections === connections &&
      other.keys === keys,
  );
  if (ping === undefined) return null;
  const most = Math.max(ping.rps.rkv, ping.rps.redis);
  return rps.rkv >= LOAD_SHARE * most ? most / rps.redis : null;
}

function otherFigures({ memory, stall, expiry, cluster, reshard, cli, library }: Results): string[] {
  const lines: [string, string][] = [];
  if (memory !== undefined) {
    const { keys, bytesPerKey, ratio, longestTurn_ms } = memory;
    const each = `${bytesPerKey.rkv.toFixed(0)} B, redis ${bytesPerKey.redis.toFixed(0)} B: ${ratio.toFixed(2)}`;
    lines.push([`memory per key, ${keys / 1_000_000} M keys of 16 + 32 bytes`, each]);
    lines.push(['longest turn of the event loop while filling (CPU)', `${longestTurn_ms.toFixed(1)} ms`]);
  }
  if (stall !== undefined) {
    for (const { command, longestPing_ms, ratio } of stall.stalls) {
      const each = `${longestPing_ms.rkv.toFixed(0)} ms, redis ${longestPing_ms.redis.toFixed(0)} ms: ${ratio.toFixed(2)}`;
      lines.push([`longest wait for a PING during ${command} (1 M elements)`, each]);
    }
    const { rkv, redis } = stall.queuedBytes;
    lines.push(['memory of a queued command of some 50 bytes', `${rkv.toFixed(0)} B, redis ${redis.toFixed(0)} B`]);
  }
  if (expiry !== undefined) {
    const { deadKeys, goneAfter_ms, longestPing_ms } = expiry;
    const few = `${Math.round(deadKeys.rkv)}, redis ${Math.round(deadKeys.redis)}`;
    lines.push(['dead keys, with SET PX 100 at full rate (median)', few]);
    const gone = `${(goneAfter_ms.rkv / 1000).toFixed(1)} s, redis ${(goneAfter_ms.redis / 1000).toFixed(1)} s`;
    lines.push(['1 M keys that die together: until the last is gone', gone]);
    const ping = `${longestPing_ms.rkv.toFixed(1)} ms, redis ${longestPing_ms.redis.toFixed(1)} ms`;
    lines.push(['… longest wait for a PING meanwhile', ping]);
  }
  if (cluster !== undefined) {
    const { rkv_ms, redis_ms, ratio } = cluster;
    const times = `${(rkv_ms / 1000).toFixed(2)} s, redis-server and redis-cli ${(redis_ms / 1000).toFixed(2)} s: ${ratio.toFixed(2)}`;
    lines.push(['6 nodes from nothing to all ok, replicas linked', times]);
  }
  if (reshard !== undefined) lines.push(...reshardFigures(reshard));
  for (const { command, cpu_ms } of cli ?? []) lines.push([`CPU of \`${command}\``, `${cpu_ms.toFixed(0)} ms`]);
  if (library !== undefined) {
    const { firstStart_ms, start_ms, close_ms } = library;
    lines.push([
      'startServer: first / further / close',
      [firstStart_ms, start_ms, close_ms].map((ms) => `${ms.toFixed(1)} ms`).join(' / '),
    ]);
  }
  if (lines.length === 0) return [];
  return ['| figure | value |', '|---|---|', ...lines.map(([name, value]) => `| ${name} | ${value} |`)];
}

function reshardFigures({ slots, wall_ms, cpu_ms, wallRatio, cpuRatio }: ReshardResult): [string, string][] {
  const compared = (ms: ReshardResult['wall_ms'], ratio: number): string =>
    `${ms.rkv.toFixed(0)} ms, redis ${ms.redis.toFixed(0)} ms: ${ratio.toFixed(2)}`;
  return [
    [`redis-cli reshards ${slots} empty slots`, compared(wall_ms, wallRatio)],
    ['… CPU time of the three servers', compared(cpu_ms, cpuRatio)],
  ];
}
