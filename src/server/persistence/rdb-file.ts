/* RDB files: saved at once for SAVE and shutdown, and spooled for replicas. */
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbOutput } from '../rdb/output.ts';
import { AtomicFile, abandonQuietly, tempOf, type UnnamedFile } from './disk.ts';
import type { KeyPace } from './key-pace.ts';
import { type RdbInfo, RdbWriter } from './rdb-writer.ts';
import { writeKeyspace } from './snapshot-encoder.ts';

export interface RdbSettings {
  readonly compression: boolean;
  readonly checksum: boolean;
  readonly plainFrom?: number;
  readonly version?: number;
}

export interface SavedRdb {
  readonly bytes: number;
  readonly keys: number;
}

/** The file is the old one until the new one is complete and on disk. */
export function saveRdbFile(
  keyspace: Keyspace,
  filePath: string,
  info: RdbInfo,
  settings: RdbSettings & { readonly pace?: KeyPace },
): SavedRdb {
  const file = new AtomicFile(filePath, tempOf(filePath, 'save'));
  try {
    const encoder = rdbEncoder(file, keyspace, info, settings);
    writeKeyspace(keyspace, encoder, settings.pace);
    file.commit();
    return { bytes: file.written, keys: encoder.keys };
  } catch (failure) {
    abandonQuietly(file);
    throw failure;
  }
}

export function rdbEncoder(
  file: Pick<AtomicFile, 'write'>,
  keyspace: Keyspace,
  info: RdbInfo,
  settings: RdbSettings,
): RdbWriter {
  const sink = (buf: Buffer, off: number, len: number) => file.write(buf, off, len);
  return new RdbWriter(new RdbOutput({ ...settings, sink }), keyspace, info);
}

/** An RDB for replicas; each reads it at its own pace. */
export class SpooledRdb implements SavedRdb {
  readonly bytes: number;
  readonly keys: number;
  readonly #file: UnnamedFile;

  constructor(file: UnnamedFile, keys: number) {
    this.#file = file;
    this.bytes = file.written;
    this.keys = keys;
  }

  /** Each call reads the file anew; a chunk is valid until the next one is asked for. */
  chunks(chunkBytes = 64 * 1024): Generator<Buffer> {
    return this.#file.chunks(chunkBytes);
  }

  /** Nobody new will read it; those who do are not disturbed. */
  remove(): void {
    this.#file.release();
  }
}
