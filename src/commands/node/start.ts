import { Args } from '@oclif/core';
import { BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class NodeStart extends BaseCommand {
  static override summary = 'start servers that are stopped';
  static override description =
    'They come back with their data and ids; the command waits until they are part of the cluster again. Nodes are selected by port, the beginning of an id, primary, replica, up, down or shard:2; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2.';
  static override examples = ['<%= config.bin %> node start 7001', '<%= config.bin %> node start down'];
  static override strict = false;
  static override args = {
    selector: Args.string({ required: true, description: 'which nodes; `all` means every node' }),
  };
  static override flags = {
    cluster: clusterFlag,
    timeout: timeoutFlag({ default: 30_000, defaultHelp: async () => '30', summary: 'overall timeout' }),
  };

  async run(): Promise<ChangedNodes> {
    const { argv, flags } = await this.parse(NodeStart);
    const { startCluster } = await import('../../cluster/operations/lifecycle.ts');
    const { selectPorts } = await import('../../cluster/operations/node-processes.ts');
    const { findCluster } = await import('../../cluster/topology/target.ts');
    const where = { home: this.homeOf(flags), name: flags.cluster };
    const ports = await selectPorts(findCluster(where), argv as string[], { timeout_ms: 2000 });
    const changed = await this.follow(
      startCluster({ ...where, ports, timeout_ms: flags.timeout, signal: this.signal }),
    );
    this.say(changedLines(changed, 'started'));
    return changed;
  }
}
