import { Args } from '@oclif/core';
import { BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class ClusterStart extends BaseCommand {
  static override summary = 'start the servers of a stopped cluster';
  static override description =
    'Starts the servers that are not running and waits until all nodes agree. Data, node ids and slots are kept.';
  static override examples = ['<%= config.bin %> cluster start', '<%= config.bin %> cluster start blue --timeout 2m'];

  static override args = { name: Args.string({ description: 'name of the cluster' }) };

  static override flags = {
    cluster: clusterFlag,
    timeout: timeoutFlag({ default: 60_000, defaultHelp: async () => '60', summary: 'overall timeout' }),
  };

  async run(): Promise<ChangedNodes> {
    const { args, flags } = await this.parse(ClusterStart);
    const { startCluster } = await import('../../cluster/operations/lifecycle.ts');
    const changed = await this.follow(
      startCluster({
        home: this.homeOf(flags),
        name: args.name ?? flags.cluster,
        timeout_ms: flags.timeout,
        signal: this.signal,
      }),
    );
    this.say(changedLines(changed, 'started'));
    return changed;
  }
}
