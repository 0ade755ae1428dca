import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../base-command.ts';
import { CliFailure, EXIT } from '../cluster/run/failure.ts';
import { isNobodyThere, nobodyAnswers } from '../cluster/topology/silent-nodes.ts';
import type { Topology } from '../cluster/topology/view.ts';
import type { Report } from '../cluster/verify/verify.ts';
import { countFindings, verifyLines } from '../view/verify-report.ts';

interface Verification {
  readonly report: Report;
  readonly topology: Topology;
}

export default class Verify extends BaseCommand {
  static override summary = 'check that all nodes agree and that all slots are served';
  static override description =
    'Asks every node for its own view and compares the views with each other and with the plan: slots, roles,' +
    ' epochs, addresses, replication, configuration.\n\nExits with 0 when nothing is wrong, 3 when something is, 5 when' +
    ' no node answers.';
  static override examples = [
    '<%= config.bin %> verify',
    { description: 'Any cluster, by one of its nodes', command: '<%= config.bin %> verify 10.0.0.5:6379' },
    { description: 'In CI, once it has settled', command: '<%= config.bin %> verify --wait 30 --fail-on warning' },
    { description: 'Only the findings', command: "<%= config.bin %> verify --json | jq '.result.report.findings'" },
  ];
  static override strict = false;

  static override args = {
    cluster: Args.string({ description: 'name of a cluster, or addresses of nodes' }),
  };

  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    'fail-on': Flags.option({ options: ['error', 'warning'] as const })({
      default: 'error',
      summary: 'lowest severity that makes the exit code 3',
    }),
    wait: timeoutFlag({ summary: 'repeat until nothing is wrong, for at most this long' }),
    timeout: timeoutFlag({ default: 5000, defaultHelp: async () => '5', summary: 'overall timeout' }),
    wide: Flags.boolean({ summary: 'show all columns and cut nothing' }),
  };

  async run(): Promise<Verification> {
    const { argv, flags } = await this.parse(Verify);
    const { chooseTarget } = await import('../cluster/cli/choose-target.ts');
    const { verifyTarget } = await import('../cluster/observe/verify-target.ts');
    const target = chooseTarget(argv as string[], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const { report, topology } = await verifyTarget(target, {
      timeout_ms: flags.timeout,
      failOn: flags['fail-on'],
      wait_ms: flags.wait ?? 0,
      signal: this.signal,
    });
    const failure = this.#judge(report, topology, flags['fail-on']);
    this.say(verifyLines({ topology, report, exit: failure?.exit ?? 0 }, this.stdout));
    if (failure !== null) this.endWith(failure, { report, topology });
    return { report, topology };
  }

  #judge(report: Report, topology: Topology, failOn: 'error' | 'warning'): CliFailure | null {
    if (isNobodyThere(topology)) return nobodyAnswers(topology);
    if (report.errors === 0 && (failOn === 'error' || report.warnings === 0)) return null;
    return new CliFailure(countFindings(report), { code: 'VERIFICATION_FAILED', exit: EXIT.verification });
  }
}
