/*
 * The whole data set of the primary on its way to us. It is loaded beside the one that is served, and takes its place
 * when it is complete and not before: a copy that breaks off leaves the data and its place in the stream as they were.
 */

import type { StagedData } from '../keyspace/staged-data.ts';
import type { Arrival } from '../persistence/arrival.ts';
import { KeyPace } from '../persistence/key-pace.ts';
import { RdbReader } from '../persistence/rdb-reader.ts';
import type { Address, ReplicationHost } from './host.ts';
import { type RdbForm, RdbTransfer } from './rdb-transfer.ts';

export class FullCopy {
  /** Bytes in all; 0 when the primary does not say. */
  readonly total: number;
  readonly #host: ReplicationHost;
  readonly #staged: StagedData;
  readonly #reader: RdbReader;
  readonly #transfer: RdbTransfer;
  readonly #pace: KeyPace;
  /** For the append only file, which must not know of this data before we serve it, nor after of what we had. */
  readonly #arrival: Arrival | null;

  constructor(host: ReplicationHost, { host: name, port }: Address, form: RdbForm) {
    const { keyspace, log, clock } = host;
    this.total = 'length' in form ? form.length : 0;
    this.#host = host;
    this.#staged = keyspace.stage();
    this.#pace = new KeyPace('key-load-delay', host);
    this.#reader = new RdbReader({
      source: `stream of ${name}:${port}`,
      keyspace: this.#staged,
      log,
      dropExpired: false,
      now_ms: clock.now_ms(),
      skipsChecksum: host.switches.skipsChecksums,
    });
    const arrival = host.beginArrival();
    this.#arrival = arrival;
    this.#transfer = new RdbTransfer(this.#reader, form, (bytes) => arrival?.write(bytes));
  }

  get received(): number {
    return this.#transfer.received;
  }

  get keys(): number {
    return this.#reader.keysLoaded;
  }

  /** How long to wait before more is fed. */
  get wait_ms(): number {
    return this.#pace.wait_ms(this.keys);
  }

  /** As much of a chunk as may be loaded before others are served. */
  pieceOf(chunk: Buffer): Buffer {
    return chunk.subarray(0, this.#host.config['loading-process-events-interval-bytes']);
  }

  /** Null while there is more to come; then what followed the data set. Throws RdbFailure and TransferFailure. */
  feed(chunk: Buffer): Buffer | null {
    return this.#staged.load(() => this.#transfer.feed(chunk));
  }

  /** Takes the place of the data that was served until now. */
  adopt(): void {
    const { keyspace, log } = this.#host;
    this.#host.replaceData(() => keyspace.adopt(this.#staged), this.#arrival);
    this.#host.primaryDb = Number(this.#reader.aux.get('repl-stream-db') ?? 0);
    const functions = this.#reader.functions.length;
    if (functions > 0) {
      log.warning(`${functions} function libraries were not loaded: this server cannot run them yet`);
    }
  }

  abandon(): void {
    this.#host.keyspace.unstage(this.#staged);
    this.#arrival?.abandon();
  }
}
