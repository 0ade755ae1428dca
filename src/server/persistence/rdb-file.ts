/* RDB files: saved at once for SAVE and shutdown, and spooled for replicas. */
import path from 'node:path';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { AtomicFile, abandonQuietly, FileReader, remove } from './disk.ts';
import { RdbOutput } from './rdb-output.ts';
import { type RdbInfo, RdbWriter } from './rdb-writer.ts';
import { writeKeyspace } from './snapshot-encoder.ts';

export interface RdbSettings {
  readonly compression: boolean;
  readonly checksum: boolean;
}

export interface SavedRdb {
  readonly bytes: number;
  readonly keys: number;
}

/** The file is the old one until the new one is complete and on disk. */
export function saveRdbFile(keyspace: Keyspace, filePath: string, info: RdbInfo, settings: RdbSettings): SavedRdb {
  const file = new AtomicFile(filePath, path.join(path.dirname(filePath), `temp-${process.pid}.rdb`));
  try {
    const encoder = rdbEncoder(file, keyspace, info, settings);
    writeKeyspace(keyspace, encoder);
    file.commit();
    return { bytes: file.written, keys: encoder.keys };
  } catch (failure) {
    abandonQuietly(file);
    throw failure;
  }
}

export function rdbEncoder(file: AtomicFile, keyspace: Keyspace, info: RdbInfo, settings: RdbSettings): RdbWriter {
  const sink = (buf: Buffer, off: number, len: number) => file.write(buf, off, len);
  return new RdbWriter(new RdbOutput({ ...settings, sink }), keyspace, info);
}

/**
 * An RDB for replicas. It is on disk so that its size does not count against memory while slow sockets take it; each
 * replica reads it at its own pace.
 */
export class SpooledRdb implements SavedRdb {
  readonly path: string;
  readonly bytes: number;
  readonly keys: number;

  constructor(filePath: string, { bytes, keys }: SavedRdb) {
    this.path = filePath;
    this.bytes = bytes;
    this.keys = keys;
  }

  /** Each call reads the file anew; a chunk is valid until the next one is asked for. */
  *chunks(chunkBytes = 64 * 1024): Generator<Buffer> {
    const reader = new FileReader(this.path);
    try {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      for (let got = reader.read(chunk); got > 0; got = reader.read(chunk)) yield chunk.subarray(0, got);
    } finally {
      reader.close();
    }
  }

  remove(): void {
    remove(this.path);
  }
}
