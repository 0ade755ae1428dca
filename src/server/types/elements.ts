/* What types have in common whose values are written as their elements, one after the other. */
import type { RecordReader } from '../data/record.ts';
import type { RdbOutput } from '../rdb/output.ts';
import type { CommandSink, ElementVisitor, Rest, ValueType } from './value-type.ts';

/** About a millisecond of writing. */
const ELEMENTS_PER_SLICE = 1000;
/** Elements of one command: more would make one huge command of a huge collection. */
const ELEMENTS_PER_COMMAND = 64;

export const ALL = Number.POSITIVE_INFINITY;

type Walked = Pick<ValueType, 'length' | 'walk'>;

export function forEachElement(type: Walked, records: RecordReader, ref: number, visit: ElementVisitor): void {
  type.walk(records, ref, 0, ALL, visit);
}

/** A count, then all elements. An entry of a collection may be several: a hash's field and its value are `stride` 2. */
export function writeElements(type: Walked, out: RdbOutput, records: RecordReader, ref: number, stride = 1): Rest {
  const length = type.length(records, ref);
  out.length(length / stride);
  return visitAll(type, records, ref, length, (buf, off, len) => out.string(buf, off, len));
}

/** Commands of the form NAME key element …, each with the elements of so many entries at most. */
export function rewriteElements(
  type: Walked,
  name: string,
  out: CommandSink,
  records: RecordReader,
  ref: number,
  stride = 1,
): Rest {
  const command = Buffer.from(name, 'latin1');
  const length = type.length(records, ref);
  const perCommand = ELEMENTS_PER_COMMAND * stride;
  let done = 0;
  return visitAll(type, records, ref, length, (buf, off, len) => {
    if (done % perCommand === 0) {
      out.command(2 + Math.min(perCommand, length - done));
      out.argument(command, 0, command.length);
      out.argument(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
    }
    out.argument(buf, off, len);
    done++;
  });
}

function visitAll(type: Walked, records: RecordReader, ref: number, length: number, visit: ElementVisitor): Rest {
  if (length > ELEMENTS_PER_SLICE) return visitInSlices(type, records, ref, visit);
  type.walk(records, ref, 0, ALL, visit);
  return null;
}

function* visitInSlices(type: Walked, records: RecordReader, ref: number, visit: ElementVisitor): Generator<void> {
  for (let cursor = 0; ; ) {
    cursor = type.walk(records, ref, cursor, ELEMENTS_PER_SLICE, visit);
    if (cursor === 0) return;
    yield;
  }
}
