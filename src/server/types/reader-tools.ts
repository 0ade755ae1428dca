/* What value readers work with. One for each input, because a reader may wait in the middle of a value. */
import * as listpack from '../data/listpack.ts';
import type { ValueLimits } from '../keyspace/limits.ts';
import type { RdbInput } from '../rdb/input.ts';

type Maker<Tool> = new () => Tool;

export class ReaderTools {
  readonly limits: ValueLimits;
  readonly entry = new listpack.Entry();
  readonly #made = new Map<Maker<unknown>, unknown>();

  constructor(limits: ValueLimits) {
    this.limits = limits;
  }

  /** The one tool of this class that this input has; only its class is asked for, and it is made when first wanted. */
  the<Tool>(maker: Maker<Tool>): Tool {
    const made = this.#made.get(maker);
    if (made !== undefined) return made as Tool;
    const tool = new maker();
    this.#made.set(maker, tool);
    return tool;
  }
}

export function* awaitLength(input: RdbInput): Generator<void, number> {
  while (!input.tryLength()) yield;
  return input.value;
}

/** A copy: it may be kept. */
export function* awaitString(input: RdbInput): Generator<void, Buffer> {
  while (!input.tryString()) yield;
  const { buf, off, len } = input.string;
  return Buffer.from(buf.subarray(off, off + len));
}

export function* awaitBytes(input: RdbInput, bytes: number): Generator<void, void> {
  while (!input.has(bytes)) yield;
}

/** A copy, and valid. */
export function* awaitListpack(input: RdbInput): Generator<void, Buffer> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (listpack.validate(bytes, 0, bytes.length) < 0) input.fail('Invalid listpack', start);
  return bytes;
}
