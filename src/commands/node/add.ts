import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { AddedNode } from '../../cluster/operations/add-node.ts';
import { CliFailure, EXIT } from '../../cluster/run/failure.ts';
import { addedLines } from '../../view/changed.ts';

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
      suggestions: ['--port auto     # the next free one'],
    });
  },
});

export default class NodeAdd extends BaseCommand {
  static override summary = 'add a node to a cluster';
  static override description =
    'Starts a server that joins the cluster, as a primary that is ready to take slots or as a replica. With an' +
    ' address, a server that is already running and empty joins.';
  static override examples = [
    { description: 'A primary on the next free port', command: '<%= config.bin %> node add' },
    {
      description: 'A replica of the primary at 7000',
      command: '<%= config.bin %> node add --port 7006 --replica-of 7000',
    },
    { description: 'A replica where one is needed most', command: '<%= config.bin %> node add --replica-of auto' },
    { description: 'A server that is already running', command: '<%= config.bin %> node add 127.0.0.1:6380' },
  ];

  static override args = { address: Args.string({ description: 'HOST:PORT of a server that is already running' }) };

  static override flags = {
    cluster: clusterFlag,
    port: portFlag({
      char: 'p',
      helpValue: 'PORT',
      summary: 'port of the new server; auto, the default, takes the next free one',
    }),
    'replica-of': Flags.string({
      helpValue: 'NODE',
      summary: 'primary to replicate: port, id or shard:2; auto picks the one with the fewest replicas',
    }),
    engine: Flags.string({
      helpValue: 'ENGINE',
      summary: 'bundled, redis, valkey or a path (default: the engine of the cluster)',
    }),
    ...accessFlags,
    'keep-on-failure': Flags.boolean({ summary: 'keep servers and files after a failure' }),
    timeout: timeoutFlag({ default: 60_000, defaultHelp: async () => '60', summary: 'overall timeout' }),
  };

  async run(): Promise<AddedNode> {
    const { args, flags } = await this.parse(NodeAdd);
    const { parseAddress } = await import('../../cluster/node/address.ts');
    const { chooseTarget } = await import('../../cluster/cli/choose-target.ts');
    const { addNode } = await import('../../cluster/operations/add-node.ts');
    const target = chooseTarget([], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const added = await this.follow(
      addNode(target, {
        port: flags.port === 'auto' ? undefined : flags.port,
        address: args.address === undefined ? undefined : parseAddress(args.address),
        replicaOf: flags['replica-of'],
        engine: flags.engine,
        timeout_ms: flags.timeout,
        keepOnFailure: flags['keep-on-failure'],
        signal: this.signal,
      }),
    );
    this.say(addedLines(added));
    return added;
  }
}
