import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag } from '../base-command.ts';

/** Addresses are known without the nodes; their answer only puts the primaries first. */
const TIMEOUT_MS = 1000;

export default class Env extends BaseCommand {
  static override summary = 'print the environment variables that a program needs to connect';
  static override description =
    'REDIS_URL is one node, for clients that find the others themselves; REDIS_CLUSTER_NODES is all of them. Password' +
    ' and certificate follow where the cluster has them.';
  static override examples = [
    { description: 'Set them in this shell', command: 'eval "$(<%= config.bin %> env --format shell)"' },
    { description: 'Write them to a file', command: '<%= config.bin %> env > .env' },
    { description: 'For a program', command: '<%= config.bin %> env --format json' },
  ];

  static override args = { cluster: Args.string({ description: 'name of a cluster, or address of a node' }) };

  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    format: Flags.option({ options: ['dotenv', 'json', 'shell'] as const })({
      default: 'dotenv',
      summary: '.env file, JSON, or export lines of a shell',
    }),
  };

  async run(): Promise<Record<string, string>> {
    const { args, flags } = await this.parse(Env);
    const { chooseTarget } = await import('../cluster/cli/choose-target.ts');
    const { environmentOf, formatEnvironment } = await import('../cluster/topology/env.ts');
    const { isNobodyThere, nobodyAnswers } = await import('../cluster/topology/silent-nodes.ts');
    const { readTopology } = await import('../cluster/observe/topology.ts');
    const where = args.cluster === undefined ? [] : [args.cluster];
    const target = chooseTarget(where, { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const topology = await readTopology(target, { timeout_ms: TIMEOUT_MS });
    const env = environmentOf(topology, target);
    if (isNobodyThere(topology)) this.warn(`no node answers now: ${nobodyAnswers(topology).why}`);
    // Also with --quiet: it is all there is to say, and something reads it.
    if (!this.jsonEnabled()) process.stdout.write(`${formatEnvironment(env, flags.format)}\n`);
    return env;
  }
}
