import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, passwordFlag, timeoutFlag } from '../../base-command.ts';
import type { AdoptionPlan } from '../../cluster/operations/adopt.ts';
import { CliFailure, EXIT } from '../../cluster/run/failure.ts';
import type { ClusterPlan } from '../../cluster/spec/plan.ts';
import type { ClusterSpec } from '../../cluster/spec/spec.ts';
import { adoptedLines, adoptionHeading, adoptionPlanLines } from '../../view/adopted.ts';
import { createdLines, creationHeading, planLines } from '../../view/created.ts';

/** What the system files and slow machines need for a handful of servers, many times over. */
const TIMEOUT_MS = 60_000;
const DEFAULT_REPLICAS = 1;

// What --password and --tls do not say about servers that run already.
const { user, cacert, cert, key } = accessFlags;

const portFlag = Flags.custom<number | 'auto'>({
  parse: async (text) => {
    if (text === 'auto') return text;
    const { whyBadPort } = await import('../../cluster/spec/validate.ts');
    const port = /^\d+$/.test(text) ? Number(text) : text;
    const why = whyBadPort(port);
    if (why === null) return port as number;
    throw new CliFailure(`'${text}' cannot be the port of a node`, {
      code: 'USAGE',
      exit: EXIT.usage,
      why,
      suggestions: ['--port 7000', '--port auto'],
    });
  },
});

export default class ClusterCreate extends BaseCommand {
  static override summary = 'start servers and form a cluster';
  static override description =
    'Starts the servers, assigns the 16384 slots, introduces the nodes to each other, attaches the replicas, and' +
    ' returns when every node agrees that the cluster is up. If anything fails, everything is rolled back.\n\nThe' +
    ' bundled server needs nothing installed; --engine redis or valkey uses an installed one. With addresses instead of a' +
    ' name, a cluster is formed of servers that are already running and empty.';
  static override examples = [
    { description: '3 primaries and 3 replicas on ports 7000-7005', command: '<%= config.bin %> cluster create' },
    {
      description: 'A second cluster beside it',
      command: '<%= config.bin %> cluster create blue --port 7100 --primaries 5 --replicas 0',
    },
    {
      description: 'Directives of redis.conf for every node',
      command: "<%= config.bin %> cluster create --config appendonly=yes --config 'save=900 1'",
    },
    {
      description: 'An installed Redis, with TLS and a password',
      command: '<%= config.bin %> cluster create --engine redis --tls --password secret',
    },
    {
      description: 'From servers that are already running',
      command: '<%= config.bin %> cluster create 10.0.0.1:6379 10.0.0.2:6379 10.0.0.3:6379 --replicas 0',
    },
    {
      description: 'The plan as JSON, without doing anything',
      command: '<%= config.bin %> cluster create --dry-run --json',
    },
  ];

  static override strict = false;
  static override args = {
    name: Args.string({ description: 'name of the new cluster (default: default), or addresses of running servers' }),
  };

  static override flags = {
    cluster: Flags.string({
      env: 'RKV_CLUSTER',
      helpValue: 'NAME',
      summary: 'name of the new cluster; the same as the argument',
    }),
    primaries: Flags.integer({ helpValue: 'N', min: 1, summary: 'number of primaries (default: 3)' }),
    replicas: Flags.integer({ helpValue: 'N', min: 0, summary: 'number of replicas of each primary (default: 1)' }),
    port: portFlag({
      char: 'p',
      helpValue: 'PORT',
      summary: 'port of the first node; the others follow (default: 7000); auto finds free ports',
    }),
    host: Flags.string({ helpValue: 'ADDRESS', summary: 'address to listen on and to announce (default: 127.0.0.1)' }),
    config: Flags.string({
      char: 'c',
      helpValue: 'NAME=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'directive of redis.conf for every node; can be repeated',
    }),
    engine: Flags.string({ helpValue: 'ENGINE', summary: 'bundled, redis, valkey, or the path of a server binary' }),
    tls: Flags.boolean({ allowNo: true, summary: 'use TLS everywhere, with certificates made for this cluster' }),
    password: passwordFlag,
    template: Flags.directory({ exists: true, helpValue: 'DIR', summary: 'folder with your own node.conf' }),
    file: Flags.file({
      char: 'f',
      exists: true,
      helpValue: 'FILE',
      summary: 'read the description of the cluster from a YAML file; flags override the file',
    }),
    user,
    cacert,
    cert,
    key,
    'dry-run': Flags.boolean({ summary: 'print the plan and change nothing' }),
    'keep-on-failure': Flags.boolean({ summary: 'keep servers and files after a failure' }),
    timeout: timeoutFlag({ default: TIMEOUT_MS, summary: 'overall timeout', defaultHelp: async () => '60' }),
  };

  async run(): Promise<ClusterPlan | AdoptionPlan> {
    const { argv, flags } = await this.parse(ClusterCreate);
    const { specFrom, nameFrom } = await import('../../cluster/spec/spec-from-flags.ts');
    const words = argv as string[];
    const { isAddress } = await import('../../cluster/node/address.ts');
    if (words.length > 0 && words.every(isAddress)) return this.#adopt(words, this.homeOf(flags), flags);
    const { port, ...rest } = flags;
    const wished = specFrom({
      ...rest,
      port: port === 'auto' ? undefined : port,
      name: nameFrom(words) ?? flags.cluster,
    });
    const { placeFreely } = await import('../../cluster/spec/place.ts');
    const spec = port === 'auto' ? await placeFreely(wished) : wished;
    const home = this.homeOf(flags);
    return flags['dry-run'] ? this.#plan(spec, home) : this.#create(spec, home, flags);
  }

  async #plan(spec: ClusterSpec, home: string): Promise<ClusterPlan> {
    const { planCluster } = await import('../../cluster/spec/plan.ts');
    const { checkEnginePorts } = await import('../../cluster/operations/preflight.ts');
    const plan = planCluster(spec, { home });
    checkEnginePorts(plan);
    this.say(planLines(plan, this.stdout));
    return plan;
  }

  async #create(
    spec: ClusterSpec,
    home: string,
    flags: { timeout: number; 'keep-on-failure': boolean },
  ): Promise<ClusterPlan> {
    const started_ms = performance.now();
    const { createCluster } = await import('../../cluster/operations/create.ts');
    const operation = createCluster(spec, {
      home,
      timeout_ms: flags.timeout,
      keepOnFailure: flags['keep-on-failure'],
      signal: this.signal,
    });
    const plan = await this.follow(operation, creationHeading(spec));
    this.say(createdLines(plan, performance.now() - started_ms, this.stdout));
    return plan;
  }

  /** Servers of somebody else become a cluster; they stay where and how they are. */
  async #adopt(words: readonly string[], home: string, flags: AdoptFlags): Promise<AdoptionPlan> {
    const started_ms = performance.now();
    const { adoptNodes, planAdoption, refuseOwned } = await import('../../cluster/operations/adopt.ts');
    const { parseAddress } = await import('../../cluster/node/address.ts');
    const { accessFrom } = await import('../../cluster/cli/choose-target.ts');
    const addresses = words.map((word) => parseAddress(word));
    for (const address of addresses) refuseOwned(address, home);
    const access = accessFrom(flags);
    const { readFollowing } = await import('../../cluster/operations/existing-roles.ts');
    const following = await readFollowing(addresses, access);
    const plan = planAdoption(addresses, { replicas: flags.replicas ?? DEFAULT_REPLICAS, following });
    if (flags['dry-run']) {
      this.say(adoptionPlanLines(plan, this.stdout));
      return plan;
    }
    const operation = adoptNodes(plan, {
      access,
      timeout_ms: flags.timeout,
      keepOnFailure: flags['keep-on-failure'],
      signal: this.signal,
    });
    await this.follow(operation, adoptionHeading(plan));
    this.say(adoptedLines(plan, performance.now() - started_ms, this.stdout));
    return plan;
  }
}

interface AdoptFlags {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: boolean | undefined;
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly replicas?: number | undefined;
  readonly timeout: number;
  readonly 'dry-run': boolean;
  readonly 'keep-on-failure': boolean;
}
