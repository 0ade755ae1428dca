/* All types of values. */
import { assert } from '../../base/assert.ts';
import type { RecordReader } from '../data/record.ts';
import { listType } from './list.ts';
import { setType } from './set.ts';
import { stringType } from './string.ts';
import type { ValueReader, ValueType } from './value-type.ts';

const TYPES: ValueType[] = [];
const READERS = new Map<number, ValueReader>();

for (const type of [stringType, listType, setType]) addType(type);

/** The type of a key's value. */
export function typeOf(records: RecordReader, ref: number): ValueType {
  return TYPES[records.typeOf(ref)] as ValueType;
}

/** Reads values of an RDB type; undefined where no type of ours has it. */
export function readerOf(rdbType: number): ValueReader | undefined {
  return READERS.get(rdbType);
}

export function addType(type: ValueType): void {
  assert(TYPES[type.id] === undefined, `there is one type ${type.id}`);
  TYPES[type.id] = type;
  for (const [rdbType, reader] of Object.entries(type.readers)) {
    assert(!READERS.has(Number(rdbType)), `RDB type ${rdbType} is read by one type of values`);
    READERS.set(Number(rdbType), reader);
  }
}
