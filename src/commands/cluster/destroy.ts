import { Args, Flags } from '@oclif/core';
import { BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class ClusterDestroy extends BaseCommand {
  static override summary = 'stop a cluster and remove all its files';
  static override description =
    'Stops the servers and removes their data, logs and configuration. Asks for confirmation; where it cannot ask' +
    ' (a pipe, CI, --json), --yes is needed.';
  static override examples = ['<%= config.bin %> cluster destroy', '<%= config.bin %> cluster destroy blue --yes'];

  static override args = { name: Args.string({ description: 'name of the cluster' }) };

  static override flags = {
    cluster: clusterFlag,
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    timeout: timeoutFlag({
      default: 30_000,
      defaultHelp: async () => '30',
      summary: 'overall timeout',
    }),
  };

  async run(): Promise<ChangedNodes> {
    const { args, flags } = await this.parse(ClusterDestroy);
    const where = { home: this.homeOf(flags), name: args.name ?? flags.cluster };
    const { findRemains } = await import('../../cluster/topology/target.ts');
    const { nodePorts } = await import('../../cluster/machine/layout.ts');
    const { folder } = findRemains(where);
    await this.confirm(
      `Destroy cluster ${where.name}: ${nodePorts(folder).length} nodes and all data in ${folder}?`,
      flags,
    );
    const { destroyCluster } = await import('../../cluster/operations/lifecycle.ts');
    const changed = await this.follow(destroyCluster({ ...where, timeout_ms: flags.timeout, signal: this.signal }));
    this.say(changedLines(changed, 'destroyed'));
    return changed;
  }
}
