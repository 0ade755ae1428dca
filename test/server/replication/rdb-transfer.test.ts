import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { RdbReader } from '../../../src/server/persistence/rdb-reader.ts';
import { type RdbForm, RdbTransfer, TransferFailure } from '../../../src/server/replication/rdb-transfer.ts';
import { silentLog } from './support.ts';

/* What redis-server 7.0.15 sent in a full resynchronisation: a plain RDB. */
const RDB = readFileSync(join(import.meta.dirname, 'vectors/fullsync_disk.rdb'));
const MARK = Buffer.from('0123456789abcdef0123456789abcdef01234567');
const STREAM = Buffer.from('*1\r\n$4\r\nping\r\n');

describe('a data set on its way', () => {
  test('ends where its length says', () => {
    for (const size of [1, 10, 1000]) {
      const { rest, keys } = receive({ length: RDB.length }, Buffer.concat([RDB, STREAM]), size);
      expect([rest, keys]).toEqual([STREAM, 1]);
    }
  });

  test('ends in front of its mark', () => {
    for (const size of [1, 10, 1000]) {
      const { rest, keys } = receive({ mark: MARK }, Buffer.concat([RDB, MARK, STREAM]), size);
      expect([rest, keys]).toEqual([STREAM, 1]);
    }
  });

  test('is refused when it does not end there', () => {
    expect(() => receive({ length: RDB.length - 1 }, RDB, 1000)).toThrow('unexpected end of the RDB');
    expect(() => receive({ mark: Buffer.alloc(40, 'x') }, Buffer.concat([RDB, MARK]), 1000)).toThrow(TransferFailure);
  });
});

function receive(form: RdbForm, bytes: Buffer, size: number): { rest: Buffer | null; keys: number } {
  const keyspace = new Keyspace({ seed: 1, chunkBytes: 16 * 1024 });
  const reader = new RdbReader({
    source: 'test',
    keyspace,
    log: silentLog(),
    dropExpired: false,
    now_ms: 0,
  });
  const transfer = new RdbTransfer(reader, form);
  let rest: Buffer | null = null;
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    if (rest === null) rest = transfer.feed(chunk);
    else rest = Buffer.concat([rest, chunk]);
  }
  return { rest, keys: reader.keysLoaded };
}
