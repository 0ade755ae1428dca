import { Args } from '@oclif/core';
import { BaseCommand, clusterFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class NodeKill extends BaseCommand {
  static override summary = 'kill servers (SIGKILL)';
  static override description =
    'SIGKILL: the server saves nothing and tells nobody, as in a power cut. `node start` brings it back. Nodes are selected by port, the beginning of an id, primary, replica, up, down or shard:2; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2.';
  static override examples = ['<%= config.bin %> node kill 7001', '<%= config.bin %> node kill shard:2 primary'];
  static override strict = false;
  static override args = {
    selector: Args.string({ required: true, description: 'which nodes; `all` means every node' }),
  };
  static override flags = { cluster: clusterFlag };

  async run(): Promise<ChangedNodes> {
    const { argv, flags } = await this.parse(NodeKill);
    const { signalSelected } = await import('../../cluster/operations/node-processes.ts');
    const where = { home: this.homeOf(flags), name: flags.cluster };
    const changed = await signalSelected(where, argv as string[], 'SIGKILL');
    this.say(changedLines(changed, 'killed'));
    return changed;
  }
}
