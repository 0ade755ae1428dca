import { Args, Flags } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../../base-command.ts';
import type { RemovedNode } from '../../cluster/operations/remove-node.ts';
import { removedLines } from '../../view/changed.ts';

export default class NodeRemove extends BaseCommand {
  static override summary = 'remove a node from a cluster';
  static override description =
    'Its replicas follow another primary, every other node forgets it, and its server and files are removed. Works for a node' +
    ' that is down, too. Refuses a node that owns slots: move them first.';
  static override examples = [
    '<%= config.bin %> node remove 7006',
    { description: 'By the beginning of its id', command: '<%= config.bin %> node remove 3fa2 --yes' },
  ];
  static override strict = false;
  static override args = {
    node: Args.string({
      required: true,
      description: 'port, address, beginning of the id, or words that name one node',
    }),
  };
  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    timeout: timeoutFlag({ default: 60_000, defaultHelp: async () => '60', summary: 'overall timeout' }),
  };

  async run(): Promise<RemovedNode> {
    const { argv, flags } = await this.parse(NodeRemove);
    const { chooseTarget } = await import('../../cluster/cli/choose-target.ts');
    const { nodeToRemove, removeNode } = await import('../../cluster/operations/remove-node.ts');
    const target = chooseTarget([], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const options = { node: argv.join(' '), timeout_ms: flags.timeout, signal: this.signal };
    if (!flags.yes) {
      const { address, role } = await nodeToRemove(target, options);
      const what = target.name === null ? 'its cluster' : `cluster ${target.name}`;
      await this.confirm(`Remove ${role === 'unknown' ? 'node' : role} ${address} from ${what}, with its data?`, flags);
    }
    const removed = await this.follow(removeNode(target, options));
    this.say(removedLines(removed));
    return removed;
  }
}
