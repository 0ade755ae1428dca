import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { ListedNode } from '../../cluster/operations/list-nodes.ts';
import { BLANK } from '../../view/line.ts';
import { nodeTable } from '../../view/node-table.ts';
import { problemLines } from '../../view/status.ts';

export default class NodeList extends BaseCommand {
  static override summary = 'list the nodes of a cluster';
  static override description =
    'What every node reports about itself. Nodes can be selected by port, the beginning of an id, primary, replica, up,' +
    ' down, shard:2 or slot:5461; 7001 7002 are two nodes, shard:2 replica the replicas of shard 2. --json adds the pid and the log of every server that was started' +
    ' here.';
  static override examples = [
    '<%= config.bin %> node list',
    { description: 'The replicas of shard 2', command: '<%= config.bin %> node list shard:2 replica' },
    {
      description: 'The pid of one node',
      command: "<%= config.bin %> node list 7001 --json | jq '.result.nodes[0].pid'",
    },
  ];
  static override strict = false;
  static override args = { selector: Args.string({ description: 'which nodes (default: all)' }) };
  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    timeout: timeoutFlag({ default: 5000, defaultHelp: async () => '5', summary: 'overall timeout' }),
    wide: Flags.boolean({ summary: 'show all columns and cut nothing' }),
  };

  async run(): Promise<{ nodes: ListedNode[] }> {
    const { argv, flags } = await this.parse(NodeList);
    const { chooseTarget } = await import('../../cluster/cli/choose-target.ts');
    const { listNodes } = await import('../../cluster/operations/list-nodes.ts');
    const target = chooseTarget([], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const { topology, nodes } = await listNodes(target, argv as string[], { timeout_ms: flags.timeout });
    const { checkReachable } = await import('../../cluster/verify/verify-nodes.ts');
    const silent = checkReachable(topology).findings.filter(({ severity }) => severity === 'error');
    this.say([
      ...nodeTable(topology, this.stdout),
      ...(silent.length === 0 ? [] : [BLANK]),
      ...silent.flatMap(problemLines),
    ]);
    const { nobodyAnswers } = await import('../../cluster/topology/silent-nodes.ts');
    // The nodes of a cluster that is stopped can be listed all the same.
    if (topology.state === 'unreachable') this.endWith(nobodyAnswers(topology), { nodes });
    return { nodes };
  }
}
