import { Args, Flags } from '@oclif/core';
import { BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ChangedNodes } from '../../cluster/operations/managed-nodes.ts';
import { changedLines } from '../../view/changed.ts';

export default class NodeStop extends BaseCommand {
  static override summary = 'stop servers; their data is kept';
  static override description =
    'Each saves its data and ends; `node start` brings it back. The cluster fails over as it would for any node that goes. Nodes are selected by port, the beginning of an id, primary, replica, up, down or shard:2; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2.';
  static override examples = ['<%= config.bin %> node stop 7001', '<%= config.bin %> node stop shard:2 replica'];
  static override strict = false;
  static override args = {
    selector: Args.string({ required: true, description: 'which nodes; `all` means every node' }),
  };
  static override flags = {
    cluster: clusterFlag,
    kill: Flags.boolean({ summary: 'kill them; data that exists only in memory is lost' }),
    timeout: timeoutFlag({ default: 30_000, defaultHelp: async () => '30', summary: 'overall timeout' }),
  };

  async run(): Promise<ChangedNodes> {
    const { argv, flags } = await this.parse(NodeStop);
    const { stopCluster } = await import('../../cluster/operations/lifecycle.ts');
    const { selectPorts } = await import('../../cluster/operations/node-processes.ts');
    const { findCluster } = await import('../../cluster/topology/target.ts');
    const where = { home: this.homeOf(flags), name: flags.cluster };
    const ports = await selectPorts(findCluster(where), argv as string[], { timeout_ms: 2000 });
    const changed = await this.follow(
      stopCluster({ ...where, ports, timeout_ms: flags.timeout, signal: this.signal, kill: flags.kill }),
    );
    this.say(changedLines(changed, 'stopped'));
    return changed;
  }
}
