import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import { CliFailure, EXIT } from '../../cluster/run/failure.ts';
import { isNobodyThere, nobodyAnswers } from '../../cluster/topology/silent-nodes.ts';
import type { Topology } from '../../cluster/topology/view.ts';
import { statusLines, unfinishedText } from '../../view/status.ts';

export default class ClusterStatus extends BaseCommand {
  static override summary = 'show a cluster at a glance';
  static override description =
    'One line on the cluster and one on each node, as the nodes themselves say right now.\n\n' +
    'Judges as `verify` does: ok, degraded (all slots are served, but something is wrong) or fail. Exits with 0 when the' +
    ' cluster is ok, 3 when it is not, 5 when no node answers.';
  static override aliases = ['status'];
  static override examples = [
    '<%= config.bin %> cluster status',
    { description: 'Any cluster, by one of its nodes', command: '<%= config.bin %> cluster status 10.0.0.5:6379' },
    { description: 'For programs', command: '<%= config.bin %> cluster status --json' },
  ];
  static override strict = false;

  static override args = {
    cluster: Args.string({ description: 'name of a cluster, or addresses of nodes' }),
  };

  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    timeout: timeoutFlag({ default: 5000, defaultHelp: async () => '5', summary: 'overall timeout' }),
    wide: Flags.boolean({ summary: 'show all columns and cut nothing' }),
  };

  async run(): Promise<Topology> {
    const { argv, flags } = await this.parse(ClusterStatus);
    const { chooseTarget } = await import('../../cluster/cli/choose-target.ts');
    const { readTopology } = await import('../../cluster/observe/topology.ts');
    const target = chooseTarget(argv as string[], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const topology = await readTopology(target, { timeout_ms: flags.timeout, traffic: true });
    this.say(statusLines(topology, this.stdout));
    if (target.name !== null && target.isUnfinished) this.warn(unfinishedText(target.name));
    if (topology.state !== 'ok') this.endWith(failureOf(topology), topology);
    return topology;
  }
}

function failureOf(topology: Topology): CliFailure {
  if (isNobodyThere(topology)) return nobodyAnswers(topology);
  return new CliFailure('something is wrong with the cluster', {
    code: 'CLUSTER_FAIL',
    exit: EXIT.verification,
    suggestions: ['rkv verify'],
  });
}
