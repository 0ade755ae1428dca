/* All types of values. */
import { encodingName } from '../data/encoding.ts';
import type { RecordReader } from '../data/record.ts';
import { hashType } from './hash.ts';
import { listType } from './list.ts';
import { setType } from './set.ts';
import { stringType } from './string.ts';
import type { EncodingRules, ValueReader, ValueType } from './value-type.ts';

const TYPES: readonly ValueType[] = [stringType, listType, setType, hashType];

/** By number, which has gaps. */
const BY_ID: readonly ValueType[] = Object.assign([], Object.fromEntries(TYPES.map((type) => [type.id, type])));
const READERS: Readonly<Record<number, ValueReader>> = Object.assign({}, ...TYPES.map(({ readers }) => readers));

/** The type of a key's value. */
export function typeOf(records: RecordReader, ref: number): ValueType {
  return BY_ID[records.typeOf(ref)] as ValueType;
}

/** The answer of OBJECT ENCODING. */
export function encodingNameOf(records: RecordReader, ref: number, rules: EncodingRules): string {
  return encodingName(typeOf(records, ref).encoding?.(records, ref, rules) ?? records.encodingOf(ref));
}

/** Reads values of an RDB type; undefined where no type of ours has it. */
export function readerOf(rdbType: number): ValueReader | undefined {
  return READERS[rdbType];
}
