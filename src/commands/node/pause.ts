import { Args } from '@oclif/core';
import { BaseCommand, clusterFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines, nextLines } from '../../view/changed.ts';

export default class NodePause extends BaseCommand {
  static override summary = 'freeze servers (SIGSTOP)';
  static override description =
    'SIGSTOP: connections stay open and nothing answers, as on a machine that is stuck. `node resume` ends it. Nodes are selected by port, the beginning of an id, primary, replica, up, down or shard:2; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2.';
  static override examples = ['<%= config.bin %> node pause 7001', '<%= config.bin %> node pause shard:2 primary'];
  static override strict = false;
  static override args = {
    selector: Args.string({ required: true, description: 'which nodes; `all` means every node' }),
  };
  static override flags = { cluster: clusterFlag };

  async run(): Promise<ChangedNodes> {
    const { argv, flags } = await this.parse(NodePause);
    const { signalSelected } = await import('../../cluster/operations/node-processes.ts');
    const where = { home: this.homeOf(flags), name: flags.cluster };
    const changed = await signalSelected(where, argv as string[], 'SIGSTOP');
    this.say(changedLines(changed, 'paused'));
    const { whyNotDone } = await import('../../cluster/operations/managed-nodes.ts');
    const failure = whyNotDone(changed);
    if (failure !== null) {
      this.note(nextLines(failure));
      this.endWith(failure, changed);
    }
    return changed;
  }
}
