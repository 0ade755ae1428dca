/*
 * A data set is loaded piece by piece: between two pieces others are served, and what key-load-delay asks for is waited
 * for. Whoever loads decides how: at the start by waiting, for DEBUG by standing still.
 */
import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../config/directives.ts';
import type { FileReader } from './disk.ts';
import { KeyPace } from './key-pace.ts';
import type { RdbReader } from './rdb-reader.ts';

export type LoadConfig = Pick<
  Config,
  'rdb-key-save-delay' | 'key-load-delay' | 'loading-process-events-interval-bytes'
>;

/** Bigger pieces are read no faster. */
const PIECE_BYTES_MAX = 256 * 1024;

export class LoadPieces {
  /** Loaded so far: keys of an RDB, commands of a log. */
  keys = 0;
  /** Read so far. */
  bytes = 0;
  readonly #config: LoadConfig;
  readonly #pace: KeyPace;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES_MAX);
  /** `bytes` when others were served last. */
  #servedAt = 0;

  constructor({ config, clock }: { config: LoadConfig; clock: Clock }) {
    this.#config = config;
    this.#pace = new KeyPace('key-load-delay', { config, clock });
  }

  /** The next bytes, none at the end of the file; valid until the next call. */
  read(file: FileReader): Buffer {
    const got = file.read(this.#piece.subarray(0, this.#config['loading-process-events-interval-bytes']));
    this.bytes += got;
    return this.#piece.subarray(0, got);
  }

  /** Gives bytes to a reader; answers whether the RDB is complete. */
  feed(rdb: RdbReader, piece: Buffer): boolean {
    const before = rdb.keysLoaded;
    const done = rdb.feed(piece);
    this.keys += rdb.keysLoaded - before;
    return done;
  }

  /** Is it time to serve others, or to wait? */
  get isDue(): boolean {
    const unserved = this.bytes - this.#servedAt;
    return unserved >= this.#config['loading-process-events-interval-bytes'] || this.#pace.wait_ms(this.keys) > 0;
  }

  /** Others are served now. Answers for how long; 0 when the next piece may be loaded at once. */
  wait_ms(): number {
    this.#servedAt = this.bytes;
    return this.#pace.wait_ms(this.keys);
  }

  /** In place of waiting. */
  standStill(): void {
    this.#servedAt = this.bytes;
    this.#pace.standStill(this.keys);
  }
}
