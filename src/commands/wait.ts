import { Args } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../base-command.ts';
import type { Topology } from '../cluster/topology/view.ts';

export default class Wait extends BaseCommand {
  static override summary = 'wait until a cluster meets a condition';
  static override description =
    'ready: ok, and every node is connected to every other. ok: what `status` and `verify` call ok. served: all slots are' +
    ' served, though other things may be wrong. synced: no replica is behind. size=N: N nodes, known to all.\n\nExits with' +
    ' 0 when it is so, 4 when the time is up, and 5 at once where it cannot come to be so: no server runs, or none lets us' +
    ' in. The error says what was missing.';
  static override examples = [
    '<%= config.bin %> wait',
    { description: 'After a failover', command: '<%= config.bin %> wait served --timeout 20' },
    { description: 'Any cluster, by one of its nodes', command: '<%= config.bin %> wait ready 10.0.0.5:6379' },
  ];

  static override args = {
    condition: Args.string({ default: 'ready', description: 'ready, ok, served, synced or size=N' }),
    at: Args.string({ description: 'name of a cluster, or address of a node' }),
  };

  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    timeout: timeoutFlag({ char: 't', default: 30_000, defaultHelp: async () => '30', summary: 'overall timeout' }),
  };

  async run(): Promise<Topology> {
    const { args, flags } = await this.parse(Wait);
    const { chooseTarget } = await import('../cluster/cli/choose-target.ts');
    const { waitFor } = await import('../cluster/observe/wait.ts');
    const { parseCondition } = await import('../cluster/observe/conditions.ts');
    // Before the cluster is looked for: `rkv wait blue` is about the condition that is missing.
    parseCondition(args.condition);
    const where = args.at === undefined ? [] : [args.at];
    const target = chooseTarget(where, { home: this.homeOf(flags), name: flags.cluster, access: flags });
    return this.follow(waitFor(target, args.condition, { timeout_ms: flags.timeout, signal: this.signal }));
  }
}
