import { BaseCommand } from '../../base-command.ts';
import type { ClusterSummary } from '../../cluster/observe/list-clusters.ts';
import { listLines } from '../../view/status.ts';

export default class ClusterList extends BaseCommand {
  static override summary = 'list the clusters on this machine';
  static override description = 'Every cluster on this machine, its state, and how many of its servers are running.';
  static override examples = ['<%= config.bin %> cluster list', '<%= config.bin %> cluster list --json'];

  async run(): Promise<{ clusters: ClusterSummary[] }> {
    const { flags } = await this.parse(ClusterList);
    const home = this.homeOf(flags);
    const { clusterNames } = await import('../../cluster/machine/layout.ts');
    // Without any cluster there is nothing to load code for.
    const clusters = clusterNames(home).length === 0 ? [] : await this.#read(home);
    this.say(listLines(clusters, home, this.stdout));
    return { clusters };
  }

  async #read(home: string): Promise<ClusterSummary[]> {
    const { listClusters } = await import('../../cluster/observe/list-clusters.ts');
    return listClusters({ home });
  }
}
