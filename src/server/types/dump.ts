/*
 * DUMP payloads: one value as it stands in an RDB, then the RDB version and a checksum over both.
 *
 *   type · value · u16 version · crc64
 */
import { Crc64 } from '../../base/crc64.ts';
import type { RecordReader } from '../data/record.ts';
import type { Entry } from '../keyspace/database.ts';
import type { ValueLimits } from '../keyspace/limits.ts';
import * as format from '../rdb/format.ts';
import { RdbFailure } from '../rdb/format.ts';
import { RdbInput } from '../rdb/input.ts';
import { type OutputOptions, RdbOutput } from '../rdb/output.ts';
import { ReaderTools } from './reader-tools.ts';
import { readerOf, typeOf } from './table.ts';
import { toItsEnd } from './value-type.ts';

const FOOTER_BYTES = 2 + format.CHECKSUM_LENGTH;
/** Most payloads are small, and there can be thousands in one MIGRATE. */
const CHUNK_BYTES_MIN = 512;
/** One chunk is enough for nearly every value: then what was written is the payload, and nothing is copied. */
const CHUNK_BYTES_MAX = 256 * 1024 * 1024;
/** Lengths and the footer, besides what the value takes in memory. */
const FRAME_BYTES = 64;

/** What RESTORE answers behind "ERR ". */
export const WRONG_FOOTER = 'DUMP payload version or checksum are wrong';
export const BAD_DATA = 'Bad data format';

/** How values are written. */
export type ValueForm = Pick<OutputOptions, 'compression' | 'plainFrom' | 'version'>;

export function dumpValue(records: RecordReader, ref: number, form: ValueForm): Buffer {
  const pieces: Buffer[] = [];
  let isLast = false;
  const out = new RdbOutput({
    sink(buf, off, len) {
      const piece = buf.subarray(off, off + len);
      // The last one is in the output's own buffer, which nobody uses any more; but it may be mostly empty.
      pieces.push(isLast && len * 2 > buf.length ? piece : Buffer.from(piece));
    },
    ...form,
    checksum: true,
    chunk: chunkFor(records, ref),
  });
  const type = typeOf(records, ref);
  out.u8(type.rdbType(records, ref, out.version));
  toItsEnd(type.write(out, records, ref));
  out.u8(out.version);
  out.u8(0);
  isLast = true;
  out.finishWithChecksum();
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}

function chunkFor(records: RecordReader, ref: number): number {
  const bytes = records.isObject(ref) ? records.objectOf(ref).usedBytes() : records.valueLen(ref);
  return Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, bytes + FRAME_BYTES));
}

/** Whether length, version and checksum are right; says nothing of what is inside. */
export function hasValidFooter(payload: Buffer, skipsChecksum = false): boolean {
  if (payload.length < FOOTER_BYTES) return false;
  const footer = payload.length - FOOTER_BYTES;
  if (!format.isReadableVersion(payload.readUInt16LE(footer))) return false;
  if (skipsChecksum) return true;
  const crc = new Crc64();
  crc.update(payload, 0, footer + 2);
  return crc.digest().equals(payload.subarray(footer + 2));
}

/** What is between the start and the footer. */
function payloadBody(payload: Buffer): Buffer {
  return payload.subarray(0, payload.length - FOOTER_BYTES);
}

/** The value, ready for Database.put, or the reason why there is none. Both checks of RESTORE, in their order. */
export function restoreValue(
  payload: Buffer,
  { deadline_ms, limits, skipsChecksum = false }: { deadline_ms: number; limits: ValueLimits; skipsChecksum?: boolean },
): Entry | typeof WRONG_FOOTER | typeof BAD_DATA {
  if (!hasValidFooter(payload, skipsChecksum)) return WRONG_FOOTER;
  const value = readBody(payloadBody(payload), new ReaderTools(limits));
  return value === null ? BAD_DATA : { ...value, deadline_ms };
}

function readBody(body: Buffer, tools: ReaderTools): Entry | null {
  const read = body.length === 0 ? undefined : readerOf(body[0] as number);
  if (read === undefined) return null;
  const input = new RdbInput('DUMP payload');
  input.push(body.subarray(1));
  try {
    // Bytes behind the value are nobody's business; a value that wants more than there is is cut off.
    const { done, value } = read(input, tools).next();
    return done === true ? (value as Entry | null) : null;
  } catch (failure) {
    if (failure instanceof RdbFailure) return null;
    throw failure;
  }
}
