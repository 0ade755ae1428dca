/* The snapshot under way, of which there is one at a time: a save, a rewrite of the log, or an RDB for replicas. */

import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { type AtomicFile, type DiskFailure, type UnnamedFile, whyNot } from './disk.ts';
import { KeyPace } from './key-pace.ts';
import type { Progress } from './progress.ts';
import { Snapshot } from './snapshot.ts';
import type { SnapshotEncoder } from './snapshot-encoder.ts';

export type Purpose = 'save' | 'rewrite' | 'replicas';

export interface Job {
  /** Throws DiskFailure. */
  readonly open: () => { readonly file: AtomicFile | UnnamedFile; readonly encoder: SnapshotEncoder };
  /** Called in any case but an abort, also when it cannot even begin. */
  readonly ended: (failure: DiskFailure | null) => void;
  readonly aborted?: () => void;
}

interface JobOptions {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Config;
}

export class SnapshotJob {
  readonly #options: JobOptions;
  readonly #progress: Progress;
  #current: { readonly purpose: Purpose; readonly snapshot: Snapshot; readonly aborted: () => void } | null = null;

  constructor(options: JobOptions, progress: Progress) {
    this.#options = options;
    this.#progress = progress;
  }

  /** What it is for; null when there is none. */
  get purpose(): Purpose | null {
    return this.#current?.purpose ?? null;
  }

  begin(purpose: Purpose, { open, ended, aborted = () => {} }: Job): void {
    const { keyspace, clock, log, config } = this.#options;
    const problem = whyNot(() => {
      const { file, encoder } = open();
      const done = (failure: DiskFailure | null): void => {
        this.#current = null;
        this.#progress.end();
        ended(failure);
      };
      const syncs = config['rdb-save-incremental-fsync'];
      const pace = new KeyPace('rdb-key-save-delay', this.#options);
      this.#progress.begin(purpose === 'rewrite', encoder);
      this.#current = {
        purpose,
        snapshot: new Snapshot({ keyspace, clock, file, encoder, syncs, pace, done }),
        aborted,
      };
      log.notice(
        `Background ${purpose === 'rewrite' ? 'append only file rewriting' : 'saving'} started by pid ${process.pid}`,
      );
    });
    if (problem !== null) ended(problem);
  }

  /** Gives it up; `ended` is not called. */
  abort(): void {
    const job = this.#current;
    if (job === null) return;
    this.#current = null;
    this.#progress.end();
    job.snapshot.abort();
    job.aborted();
  }
}
