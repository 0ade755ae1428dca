/*
 * What a walk over the keyspace feeds, whether it goes in one piece or in slices: something that turns records into the
 * bytes of a file. There are two, RdbWriter and CommandsWriter.
 */
import type { RecordReader } from '../data/record.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { KeyPace } from './key-pace.ts';

export interface SnapshotEncoder {
  keys: number;
  begin(): void;
  record(records: RecordReader, ref: number, databaseIndex: number): void;
  /** The same with pauses, in which nothing else may be written. The record must not change until the end. */
  recordInSlices(records: RecordReader, ref: number, databaseIndex: number): Generator<void>;
  /** The bytes of a record, to be written later by `attach`. */
  detach(records: RecordReader, ref: number): Buffer;
  attach(bytes: Buffer, databaseIndex: number): void;
  end(): void;
}

/** All of it now. Exact, because nothing else runs meanwhile, and as long as the keyspace is big. */
export function writeKeyspace(keyspace: Keyspace, encoder: SnapshotEncoder, pace?: KeyPace): void {
  const isSlow = pace?.isSlow === true;
  encoder.begin();
  for (const db of keyspace.databases) {
    db.forEach((_kbuf, _koff, _klen, ref) => {
      encoder.record(db, ref, db.index);
      if (isSlow) pace.standStill(encoder.keys);
    });
  }
  encoder.end();
}
