import { Args, Flags } from '@oclif/core';
import { BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class ClusterStop extends BaseCommand {
  static override summary = 'stop the servers of a cluster; its data is kept';
  static override description = 'Every server saves its data and stops; `cluster start` brings the same cluster back.';
  static override examples = ['<%= config.bin %> cluster stop', '<%= config.bin %> cluster stop blue'];

  static override args = { name: Args.string({ description: 'name of the cluster' }) };

  static override flags = {
    cluster: clusterFlag,
    kill: Flags.boolean({ summary: 'kill the servers; data that exists only in memory is lost' }),
    timeout: timeoutFlag({
      default: 30_000,
      defaultHelp: async () => '30',
      summary: 'overall timeout',
    }),
  };

  async run(): Promise<ChangedNodes> {
    const { args, flags } = await this.parse(ClusterStop);
    const { stopCluster } = await import('../../cluster/operations/lifecycle.ts');
    const changed = await this.follow(
      stopCluster({
        home: this.homeOf(flags),
        name: args.name ?? flags.cluster,
        timeout_ms: flags.timeout,
        signal: this.signal,
        kill: flags.kill,
      }),
    );
    this.say(changedLines(changed, 'stopped'));
    return changed;
  }
}
