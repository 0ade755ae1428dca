/*
 * nodes.conf as a file: when it is written, and what is done when it cannot be. What it says is decided in
 * gossip/nodes-conf.ts, how it gets to the disk by the host.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { formatNodesConf, loadNodesConf, NodesConfError } from '../gossip/nodes-conf.ts';
import type { ClusterConfig, State } from '../gossip/state.ts';

/** Where it is, and how it is written. */
export interface NodesConfHost {
  readonly clock: Clock;
  readonly log: Logger;
  /** The path of nodes.conf, for messages. */
  readonly file: string;
  /** With `fsync` it survives a power cut when this returns, without at least a crash of the process. Throws with a reason. */
  write(text: string, options: { fsync: boolean }): void;
  /** The file is what was written last, and nothing else. Throws with a reason. */
  rest(): void;
  /** Makes what was written last survive a power cut, while the process goes on; then tells why not, or null. */
  sync(done: (why: string | null) => void): void;
}

/** nodes.conf is damaged, or another process uses it. */
export class NodesConfFailure extends Error {
  override name = 'NodesConfFailure';
}

/** A nodes.conf that could not be written is tried again after this. */
const REWRITE_AFTER_MS = 1000;

export class NodesConfFile {
  readonly #host: NodesConfHost;
  /** When it could last not be written; null while it is as it should be. Monotonic. */
  #owedSince_ms: number | null = null;
  /** What it says; '' when that is not known. */
  #written = '';
  /** Whether that survives a power cut. */
  #isSynced = false;
  #syncing = false;
  /** Asked for while one was under way, or after one that failed. */
  #syncWanted = false;

  constructor(host: NodesConfHost) {
    this.#host = host;
  }

  /**
   * Answers why it could not be written, or null. What has to survive a power cut must not be believed to be there; all else
   * would be learnt again from the others, and is written when that can be done again.
   */
  write(state: State, { fsync }: { fsync: boolean }): string | null {
    const { log } = this.#host;
    const text = formatNodesConf(state);
    // What several nodes tell us of one change changes it once.
    if (text === this.#written && (!fsync || this.#isSynced)) return null;
    try {
      this.#host.write(text, { fsync });
      this.#written = text;
      this.#isSynced = fsync;
    } catch (error) {
      const { message } = error as Error;
      this.#complain(message);
      return message;
    }
    if (this.#owedSince_ms !== null) log.notice('The cluster config file can be written again');
    this.#owedSince_ms = null;
    return null;
  }

  /** What it says is to survive a power cut soon. */
  sync(): void {
    if (this.#isSynced) return;
    if (this.#syncing) {
      this.#syncWanted = true;
      return;
    }
    const text = this.#written;
    this.#syncing = true;
    this.#syncWanted = false;
    this.#host.sync((why) => this.#synced(text, why));
  }

  #synced(text: string, why: string | null): void {
    this.#syncing = false;
    if (why !== null) {
      this.#complain(why);
      this.#syncWanted = true;
      return;
    }
    if (text === this.#written) this.#isSynced = true;
    if (this.#syncWanted) this.sync();
  }

  #complain(why: string): void {
    const { clock, log } = this.#host;
    this.#written = '';
    if (this.#owedSince_ms === null) log.warning(`The cluster config file could not be written: ${why}`);
    this.#owedSince_ms = clock.monotonic_ms();
  }

  /** Also when it should say so already: it may have been moved away, or another's put there. */
  rewrite(state: State): string | null {
    this.#written = '';
    return this.write(state, { fsync: true });
  }

  /** Once a tick, and at the end. */
  rest(): void {
    try {
      this.#host.rest();
    } catch (error) {
      this.#complain((error as Error).message);
    }
  }

  /** Once a tick. */
  writeOwed(state: State): void {
    if (this.#owedSince_ms === null) return;
    if (this.#host.clock.monotonic_ms() - this.#owedSince_ms < REWRITE_AFTER_MS) return;
    if (this.write(state, { fsync: false }) === null && this.#syncWanted) this.sync();
  }
}

/** Throws a NodesConfFailure with the path and the line when it is damaged; nothing is repaired by guessing. */
export function readState(file: string, text: string, options: { config: ClusterConfig; now_ms: number }): State {
  try {
    return loadNodesConf(text, options);
  } catch (error) {
    if (!(error instanceof NodesConfError)) throw error;
    throw new NodesConfFailure(
      `Unrecoverable error: corrupted cluster config file ${file}: ${error.message}. Restore it from a backup, or move ` +
        'it away to start as a new node.',
    );
  }
}
