import { Args } from '@oclif/core';
import { accessFlags, BaseCommand, clusterFlag, timeoutFlag } from '../base-command.ts';
import type { WatchEvent } from '../cluster/observe/watch.ts';

export default class Watch extends BaseCommand {
  static override summary = 'watch a cluster live';
  static override description =
    'Slots, nodes, traffic, and what happens, as sentences. In a pipe one line for each event. q or Ctrl-C' +
    ' ends the view.';
  static override examples = [
    '<%= config.bin %> watch',
    { description: 'Any cluster, by one of its nodes', command: '<%= config.bin %> watch 10.0.0.5:6379' },
    { description: 'A record of what happened', command: '<%= config.bin %> watch >> events.log' },
  ];
  static override strict = false;
  static override args = { cluster: Args.string({ description: 'name of a cluster, or addresses of nodes' }) };
  static override flags = {
    cluster: clusterFlag,
    ...accessFlags,
    every: timeoutFlag({ default: 1000, defaultHelp: async () => '1', summary: 'time between two readings' }),
    for: timeoutFlag({ summary: 'stop after this time' }),
    timeout: timeoutFlag({ default: 5000, defaultHelp: async () => '5', summary: 'timeout of one reading' }),
  };

  async run(): Promise<{ events: readonly WatchEvent[] }> {
    const { argv, flags } = await this.parse(Watch);
    const { chooseTarget } = await import('../cluster/cli/choose-target.ts');
    const { watchCluster } = await import('../cluster/observe/watch.ts');
    const { showWatch } = await import('../view/show-watch.ts');
    const target = chooseTarget(argv as string[], { home: this.homeOf(flags), name: flags.cluster, access: flags });
    const end = flags.for === undefined ? [] : [AbortSignal.timeout(flags.for)];
    const quit = new AbortController();
    const signal = AbortSignal.any([this.signal, quit.signal, ...end]);
    const snapshots = watchCluster(target, { every_ms: flags.every, timeout_ms: flags.timeout, signal });
    const terminal = this.stdout;
    const events = await showWatch(snapshots, {
      mode: this.quiet ? 'silent' : terminal.live ? 'live' : 'plain',
      terminal,
      stream: process.stdout,
      onQuit: () => quit.abort(),
    });
    return { events };
  }
}
