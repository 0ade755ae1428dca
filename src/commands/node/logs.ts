import { Args, Flags } from '@oclif/core';
import { BaseCommand, clusterFlag } from '../../base-command.ts';
import type { LogLine } from '../../cluster/machine/follow-logs.ts';
import { line, toned } from '../../view/line.ts';

/** Enough to see why something stopped. */
const LINES = 20;

export default class NodeLogs extends BaseCommand {
  static override summary = 'show the logs of servers';
  static override description = 'The last lines of one log or of several; with -f also new lines, until Ctrl-C.';
  static override examples = [
    '<%= config.bin %> node logs 7003',
    { description: 'Follow all of them', command: '<%= config.bin %> node logs -f' },
    { description: 'The last 100 lines of each primary', command: '<%= config.bin %> node logs primary -n 100' },
  ];
  static override strict = false;
  static override args = { selector: Args.string({ description: 'which nodes (default: all)' }) };
  static override flags = {
    cluster: clusterFlag,
    follow: Flags.boolean({ char: 'f', summary: 'follow: print new lines as they are written' }),
    lines: Flags.integer({ char: 'n', default: LINES, helpValue: 'N', min: 0, summary: 'number of lines of each log' }),
  };

  async run(): Promise<{ lines: LogLine[] }> {
    const { argv, flags } = await this.parse(NodeLogs);
    const { findCluster } = await import('../../cluster/topology/target.ts');
    const { logsOf } = await import('../../cluster/operations/node-processes.ts');
    const { readLogs } = await import('../../cluster/machine/follow-logs.ts');
    const cluster = findCluster({ home: this.homeOf(flags), name: flags.cluster });
    const sources = await logsOf(cluster, argv as string[]);
    const follow = flags.follow && !this.jsonEnabled();
    const lines: LogLine[] = [];
    for await (const one of readLogs(sources, { lines: flags.lines, follow, signal: this.signal })) {
      // Kept for the envelope alone: a log that is followed has no end.
      if (this.jsonEnabled()) lines.push(one);
      else this.say([line(toned(sources.length > 1 ? `${one.port}  ` : '', 'dim'), one.text)]);
    }
    return { lines };
  }
}
