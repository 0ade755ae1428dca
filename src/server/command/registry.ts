/*
 * All commands by name. The name arrives as bytes in any case; it is hashed case-folded and looked up in a small table,
 * without making a string: with parsing, that is about 30 ns a command.
 */

import { assert } from '../../base/assert.ts';
import { wordAt } from '../../base/word.ts';
import type { Call } from './call.ts';
import type { Spec, Trait } from './spec.ts';

/** At least four times the number of commands, so that probing is short. */
const TABLE_SIZE = 2048;
const WORD_BYTES = 4;
const NO_TRAITS: readonly Trait[] = [];

/** A spec made ready for running: what the dispatcher asks per request, as plain fields. */
export class Command {
  readonly spec: Spec;
  /** As errors and COMMAND show it: 'get', 'config|get'. */
  readonly fullName: string;
  readonly index: number;
  readonly arity: number;
  readonly run: (call: Call) => void;
  readonly isWrite: boolean;
  readonly isReadOnly: boolean;
  readonly subcommands: ReadonlyMap<string, Command> | null;
  /** 1 when the only key is the first argument, which is so for nearly all commands; 0 when there are none, -1 otherwise. */
  readonly keyShape: -1 | 0 | 1;
  /** A few words each: to look through them takes no longer than a set would, which every start would have to make. */
  readonly #flags: readonly string[];
  readonly #traits: readonly Trait[];

  constructor(spec: Spec, index: number, parent: string | null, subcommands: ReadonlyMap<string, Command> | null) {
    this.spec = spec;
    this.fullName = parent === null ? spec.name : `${parent}|${spec.name}`;
    this.index = index;
    this.arity = spec.arity;
    this.run = spec.run;
    this.#flags = spec.flags;
    this.#traits = spec.traits ?? NO_TRAITS;
    this.isWrite = this.has('write');
    this.isReadOnly = this.has('readonly');
    this.subcommands = subcommands;
    this.keyShape = keyShapeOf(spec);
  }

  has(flag: Spec['flags'][number]): boolean {
    return this.#flags.includes(flag);
  }

  is(trait: Trait): boolean {
    return this.#traits.includes(trait);
  }

  accepts(argc: number): boolean {
    return this.arity >= 0 ? argc === this.arity : argc >= -this.arity;
  }
}

function keyShapeOf(spec: Spec): -1 | 0 | 1 {
  if (spec.findKeys !== undefined) return -1;
  if (spec.keys.length === 0) return 0;
  const [keys] = spec.keys;
  const one = spec.keys.length === 1 && keys!.first === 1 && keys!.last === 1 && keys!.keyword === undefined;
  return one ? 1 : -1;
}

export class Registry {
  readonly all: readonly Command[];
  /** How many commands and subcommands: their indexes are below it. */
  readonly size: number;
  readonly #table = new Int16Array(TABLE_SIZE).fill(-1);
  readonly #names: Buffer[];
  /** The command found last, and how its name was written: its length, its first four bytes, all of them. */
  #last: Command | null = null;
  #lastLength = 0;
  #lastWord = 0;
  readonly #lastName: Buffer;
  readonly #byName = new Map<string, Command>();

  constructor(specs: readonly Spec[]) {
    assert(specs.length * 4 <= TABLE_SIZE, 'the command table is too small for so many commands');
    let index = specs.length;
    this.all = specs.map((spec, i) => {
      const subcommands = new Map<string, Command>();
      for (const sub of spec.subcommands ?? []) subcommands.set(sub.name, new Command(sub, index++, spec.name, null));
      return new Command(spec, i, null, spec.subcommands === undefined ? null : subcommands);
    });
    this.size = index;
    this.#names = specs.map((spec) => Buffer.from(spec.name));
    this.#lastName = Buffer.alloc(Math.max(...this.#names.map((name) => name.length)));
    this.all.forEach((command, i) => this.#insert(command, i));
  }

  /** The command called `buf[off, off + len)` in any case, or null. */
  find(buf: Buffer, off: number, len: number): Command | null {
    // Most clients say the same many times over, and always write it alike.
    if (len === this.#lastLength && this.#isLast(buf, off, len)) return this.#last;
    let at = hashFolded(buf, off, len) & (TABLE_SIZE - 1);
    for (;;) {
      const i = this.#table[at]!;
      if (i < 0) return null;
      if (isName(this.#names[i]!, buf, off, len)) return this.#remember(this.all[i]!, buf, off, len);
      at = (at + 1) & (TABLE_SIZE - 1);
    }
  }

  /** By text in any case, 'config|get' for a subcommand; for everything that is not a request. */
  byName(name: string): Command | null {
    const [container, sub, more] = name.toLowerCase().split('|');
    const command = this.#byName.get(container!) ?? null;
    if (more !== undefined) return null;
    if (sub === undefined || command === null) return command;
    return command.subcommands?.get(sub) ?? null;
  }

  #isLast(buf: Buffer, off: number, len: number): boolean {
    let at = 0;
    if (len >= WORD_BYTES) {
      if (wordAt(buf, off) !== this.#lastWord) return false;
      at = WORD_BYTES;
    }
    const name = this.#lastName;
    while (at < len && buf[off + at] === name[at]) at++;
    return at === len;
  }

  #remember(command: Command, buf: Buffer, off: number, len: number): Command {
    buf.copy(this.#lastName, 0, off, off + len);
    this.#lastWord = wordAt(this.#lastName, 0);
    this.#lastLength = len;
    this.#last = command;
    return command;
  }

  #insert(command: Command, i: number): void {
    assert(!this.#byName.has(command.fullName), `two commands are called ${command.fullName}`);
    this.#byName.set(command.fullName, command);
    const name = this.#names[i]!;
    let at = hashFolded(name, 0, name.length) & (TABLE_SIZE - 1);
    while (this.#table[at]! >= 0) at = (at + 1) & (TABLE_SIZE - 1);
    this.#table[at] = i;
  }
}

/** Sets bit 5 of every byte: folds letters, and maps nothing else that occurs in command names onto each other. */
function hashFolded(buf: Buffer, off: number, len: number): number {
  let hash = len;
  for (let i = off; i < off + len; i++) hash = (Math.imul(hash, 31) + (buf[i]! | 0x20)) | 0;
  return hash ^ (hash >>> 11);
}

function isName(name: Buffer, buf: Buffer, off: number, len: number): boolean {
  if (name.length !== len) return false;
  for (let i = 0; i < len; i++) {
    const byte = buf[off + i]!;
    if (byte !== name[i] && ((byte | 0x20) !== name[i] || byte < 0x41 || byte > 0x5a)) return false;
  }
  return true;
}
