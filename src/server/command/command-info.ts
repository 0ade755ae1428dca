/* INFO commandstats and latencystats. */

import type { InfoLines } from '../../base/info-lines.ts';
import type { CommandStats } from '../observe/command-stats.ts';
import type { Command, Registry } from './registry.ts';

export function commandStatsInfo(commands: Registry, stats: CommandStats): InfoLines {
  stats.settle();
  const lines: InfoLines = [];
  for (const { fullName, index } of withSubcommands(commands)) {
    const figures = stats.figures(index);
    if (figures === null) continue;
    const { calls, usec, rejected, failed } = figures;
    const perCall = calls === 0 ? 0 : usec / calls;
    lines.push([
      `cmdstat_${fullName}`,
      `calls=${calls},usec=${usec},usec_per_call=${perCall.toFixed(2)},rejected_calls=${rejected},failed_calls=${failed}`,
    ]);
  }
  return lines;
}

export function latencyStatsInfo(commands: Registry, stats: CommandStats, percentiles: readonly number[]): InfoLines {
  stats.settle();
  const lines: InfoLines = [];
  for (const { fullName, index } of withSubcommands(commands)) {
    const histogram = stats.histogram(index);
    if (histogram === null) continue;
    const values = percentiles.map((percent) => `p${percent}=${(histogram.percentile_ns(percent) / 1000).toFixed(3)}`);
    lines.push([`latency_percentiles_usec_${fullName}`, values.join(',')]);
  }
  return lines;
}

function withSubcommands({ all }: Registry): Command[] {
  return all.flatMap((one) => [one, ...(one.subcommands?.values() ?? [])]);
}
