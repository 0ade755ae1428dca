import { Args } from '@oclif/core';
import { BaseCommand, clusterFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines, nextLines } from '../../view/changed.ts';

export default class NodeResume extends BaseCommand {
  static override summary = 'let frozen servers continue (SIGCONT)';
  static override description =
    'SIGCONT: the server goes on where `node pause` stopped it. Nodes are selected by port, the beginning of an id, primary, replica, up, down or shard:2; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2.';
  static override examples = ['<%= config.bin %> node resume 7001', '<%= config.bin %> node resume shard:2 primary'];
  static override strict = false;
  static override args = {
    selector: Args.string({ required: true, description: 'which nodes; `all` means every node' }),
  };
  static override flags = { cluster: clusterFlag };

  async run(): Promise<ChangedNodes> {
    const { argv, flags } = await this.parse(NodeResume);
    const { signalSelected } = await import('../../cluster/operations/node-processes.ts');
    const where = { home: this.homeOf(flags), name: flags.cluster };
    const changed = await signalSelected(where, argv as string[], 'SIGCONT');
    this.say(changedLines(changed, 'resumed'));
    const { whyNotDone } = await import('../../cluster/operations/managed-nodes.ts');
    const failure = whyNotDone(changed);
    if (failure !== null) {
      this.note(nextLines(failure));
      this.endWith(failure, changed);
    }
    return changed;
  }
}
