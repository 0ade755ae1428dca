import type { ClusterConfig, State } from './state.ts';

export class NodesConfError extends Error {
  override readonly name = 'NodesConfError';
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

export function formatNodesConf(state: State): string {
  throw new Error(state.myself.id);
}

/** Throws NodesConfError. */
export function loadNodesConf(text: string, options: { config: ClusterConfig; now_ms: number }): State {
  throw new Error(`${text} ${options.now_ms}`);
}
