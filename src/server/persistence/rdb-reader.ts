/*
 * Reads an RDB, from a file or a socket, into a keyspace.
 *
 * `feed` takes whatever bytes there are and parses as far as they go; memory is bounded by the longest string plus the
 * one collection that is being read. Damage, and everything this server cannot store, is an RdbFailure with the offset:
 * data is never skipped. Three things are left out because they must be: keys that are already dead (where the caller is
 * a primary), collections without elements (no server can hold one), and what modules keep beside the keys.
 */
import { latin1 } from '../../base/ascii.ts';
import { assert } from '../../base/assert.ts';
import type { Logger } from '../../base/log.ts';
import { type Database, NO_DEADLINE } from '../keyspace/database.ts';
import type { ValueLimits } from '../keyspace/limits.ts';
import * as format from '../rdb/format.ts';
import { RdbInput } from '../rdb/input.ts';
import { awaitBytes, awaitLength, awaitString, ReaderTools } from '../types/reader-tools.ts';
import { readerOf } from '../types/table.ts';

export interface RdbReaderOptions {
  /** Names the origin in failures: a path, or whose stream it is. */
  readonly source: string;
  /** Where the data goes: a keyspace, or a data set beside it. */
  readonly keyspace: {
    readonly databases: readonly Database[];
    readonly limits: ValueLimits;
    readonly useLfu: boolean;
  };
  readonly log: Pick<Logger, 'notice' | 'warning'>;
  /** A primary does not load what is already dead; a replica keeps it until its primary says otherwise. */
  readonly dropExpired: boolean;
  readonly now_ms: number;
  /** Keys that are there already are replaced; without it they are damage. */
  readonly merge?: boolean;
  /** A wrong checksum at the end is passed over. */
  readonly skipsChecksum?: boolean;
}

export class RdbReader {
  done = false;
  version = 0;
  keysLoaded = 0;
  keysExpired = 0;
  keysEmpty = 0;
  /** redis-ver, repl-id and so on, as text. */
  readonly aux = new Map<string, string>();
  /** Sources of function libraries. Whoever has a script engine loads them. */
  readonly functions: Buffer[] = [];
  readonly #options: RdbReaderOptions;
  readonly #input: RdbInput;
  readonly #tools: ReaderTools;
  readonly #parse: Generator<void, void>;
  #db: Database;
  #key: Buffer = Buffer.allocUnsafe(256);
  #keyLen = 0;
  #deadline_ms = -1;
  #idle_s = -1;
  #frequency = -1;

  constructor(options: RdbReaderOptions) {
    this.#options = options;
    this.#input = new RdbInput(options.source);
    this.#tools = new ReaderTools(options.keyspace.limits);
    this.#db = options.keyspace.databases[0]!;
    this.#parse = this.#file();
  }

  /** Bytes consumed; once `done`, where whatever follows the RDB begins. */
  get offset(): number {
    return this.#input.offset;
  }

  /** Takes a copy of the chunk. Answers whether the RDB is complete; bytes behind it are in `rest`. */
  feed(chunk: Buffer): boolean {
    this.#input.push(chunk);
    if (!this.done && this.#input.available >= this.#input.needed) {
      this.done = this.#parse.next().done === true;
    }
    return this.done;
  }

  /** To be called when there are no more bytes. */
  finish(): void {
    if (!this.done)
      this.#input.fail(
        'Short read or OOM loading DB: unexpected end of the RDB',
        this.#input.offset + this.#input.available,
      );
  }

  rest(): Buffer {
    return this.#input.rest();
  }

  *#file(): Generator<void, void> {
    yield* this.#magic();
    for (;;) {
      yield* awaitBytes(this.#input, 1);
      const start = this.#input.offset;
      const opcode = this.#input.u8();
      if (opcode === format.OP_EOF) break;
      if (opcode === format.RDB_STRING) yield* this.#stringRecord();
      else if (opcode >= format.OP_SLOT_INFO) yield* this.#opcode(opcode);
      else yield* this.#record(opcode, start);
    }
    yield* this.#checksum();
    this.#tellEnd();
  }

  *#magic(): Generator<void, void> {
    const input = this.#input;
    yield* awaitBytes(input, format.MAGIC_LENGTH);
    const magic = input.text(format.MAGIC_LENGTH);
    if (!/^(REDIS|VALKEY)/.test(magic)) input.fail('Wrong signature trying to load DB from file', 0);
    this.version = format.versionIn(magic);
    if (!format.isReadableVersion(this.version)) {
      const digits = magic.replace(/^(REDIS|VALKEY)/, '');
      input.fail(`Can't handle RDB format version ${digits}`, magic.length - digits.length);
    }
  }

  *#opcode(opcode: number): Generator<void, void> {
    const input = this.#input;
    switch (opcode) {
      case format.OP_EXPIRETIME_MS:
        yield* awaitBytes(input, 8);
        this.#deadline_ms = asDeadline(input.i64le());
        return;
      case format.OP_EXPIRETIME:
        yield* awaitBytes(input, 4);
        this.#deadline_ms = asDeadline(input.i32le() * 1000);
        return;
      case format.OP_IDLE:
        this.#idle_s = yield* awaitLength(input);
        return;
      case format.OP_FREQ:
        yield* awaitBytes(input, 1);
        this.#frequency = input.u8();
        return;
      case format.OP_SELECTDB:
        return yield* this.#select();
      case format.OP_RESIZEDB:
        yield* awaitLength(input);
        yield* awaitLength(input);
        return;
      case format.OP_SLOT_INFO:
        for (let i = 0; i < 3; i++) yield* awaitLength(input);
        return;
      case format.OP_AUX:
        return yield* this.#auxField();
      case format.OP_FUNCTION2:
        this.functions.push(yield* awaitString(input));
        return;
      case format.OP_FUNCTION_PRE_GA:
        return yield* this.#functionOfReleaseCandidate();
      case format.OP_MODULE_AUX:
        return yield* this.#moduleAux();
      default:
        assert(false, `opcode ${opcode} is one of those above`);
    }
  }

  *#select(): Generator<void, void> {
    const { keyspace } = this.#options;
    const start = this.#input.offset;
    const index = yield* awaitLength(this.#input);
    const db = keyspace.databases[index];
    if (db === undefined) {
      const configured = keyspace.databases.length;
      this.#input.fail(`Data file was created for more than ${configured} databases: database ${index}`, start);
    }
    this.#db = db;
  }

  *#auxField(): Generator<void, void> {
    const name = (yield* awaitString(this.#input)).toString('latin1');
    const value = (yield* awaitString(this.#input)).toString('latin1');
    this.aux.set(name, value);
    const { log, now_ms } = this.#options;
    if (name.startsWith('%')) log.notice(`RDB '${name}': ${value}`);
    else if (name === 'redis-ver' || name === 'valkey-ver') log.notice(`Loading RDB produced by version ${value}`);
    else if (name === 'ctime') log.notice(`RDB age ${Math.max(0, Math.floor(now_ms / 1000) - Number(value))} seconds`);
    else if (name === 'used-mem')
      log.notice(`RDB memory usage when created ${(Number(value) / 2 ** 20).toFixed(2)} Mb`);
    else if (name === 'aof-base' && value === '1') log.notice('RDB is base AOF');
  }

  #tellEnd(): void {
    const empty = this.keysEmpty === 0 ? '' : `, empty keys skipped: ${this.keysEmpty}`;
    this.#options.log.notice(
      `Done loading RDB, keys loaded: ${this.keysLoaded}, keys expired: ${this.keysExpired}${empty}.`,
    );
  }

  /** Name, engine and code stood apart then; now the first line of the code carries the first two. */
  *#functionOfReleaseCandidate(): Generator<void, void> {
    const name = yield* awaitString(this.#input);
    const engine = yield* awaitString(this.#input);
    const described = yield* awaitLength(this.#input);
    if (described !== 0) yield* awaitString(this.#input);
    const code = yield* awaitString(this.#input);
    const head = `#!${engine.toString('latin1')} name=${name.toString('latin1')}\n`;
    this.functions.push(Buffer.concat([Buffer.from(head, 'latin1'), code]));
  }

  /** Modules tag each value that they save, so that it can be passed over by those who do not have them. */
  *#moduleAux(): Generator<void, void> {
    const input = this.#input;
    yield* awaitLength(input);
    const name = moduleName(input.lengthHigh, input.lengthLow);
    // What it says when it was saved comes first, tagged like any value.
    for (;;) {
      const start = input.offset;
      const tag = yield* awaitLength(input);
      if (tag === 0) break;
      if (tag === 1 || tag === 2) {
        yield* awaitLength(input);
      } else if (tag === 3 || tag === 4) {
        const bytes = tag === 3 ? 4 : 8;
        yield* awaitBytes(input, bytes);
        input.skip(bytes);
      } else if (tag === 5) {
        while (!input.tryString()) yield;
      } else {
        input.fail(`Unknown tag ${tag} in data of module '${name}'`, start);
      }
    }
    this.#options.log.warning(`${input.source}: data of module '${name}' beside the keys was passed over`);
  }

  /** Most records of most files; so without a generator of its own for the value, and without a copy of it. */
  *#stringRecord(): Generator<void, void> {
    const input = this.#input;
    while (!input.tryString()) yield;
    this.#takeKey();
    while (!input.tryString()) yield;
    if (this.#isDue()) {
      const { buf, off, len } = input.string;
      this.#db.setString(this.#key, 0, this.#keyLen, buf, off, len, this.#deadline_ms);
    }
    this.#endRecord();
  }

  *#record(type: number, start: number): Generator<void, void> {
    const input = this.#input;
    while (!input.tryString()) yield;
    this.#takeKey();
    const read = readerOf(type) ?? this.#refuseType(type, start);
    const value = yield* read(input, this.#tools);
    if (value === null) {
      this.keysEmpty++;
      this.#options.log.warning(`rdbLoadObject: skipping empty key: ${this.#keyText()}`);
    } else if (this.#isDue()) {
      this.#db.put(this.#key, 0, this.#keyLen, { ...value, deadline_ms: this.#deadline_ms });
    }
    this.#endRecord();
  }

  #refuseType(type: number, start: number): never {
    const name = format.typeName(type);
    if (name === null) this.#input.fail(`Unknown RDB type or opcode ${type}`, start);
    const key = `key '${this.#keyText()}' in database ${this.#db.index}`;
    return this.#input.fail(`${key} is a ${name} (RDB type ${type}), which this server cannot store yet`, start);
  }

  #takeKey(): void {
    const { buf, off, len } = this.#input.string;
    if (len > this.#key.length) this.#key = Buffer.allocUnsafe(len * 2);
    buf.copy(this.#key, 0, off, off + len);
    this.#keyLen = len;
  }

  /** Whether the key is to be loaded: not a dead one, and by no means the second of its name. */
  #isDue(): boolean {
    const { dropExpired, now_ms } = this.#options;
    if (dropExpired && this.#deadline_ms >= 0 && this.#deadline_ms < now_ms) {
      this.keysExpired++;
      return false;
    }
    if (this.#options.merge !== true && this.#db.peek(this.#key, 0, this.#keyLen) !== 0) {
      this.#input.fail(`RDB has duplicated key '${this.#keyText()}' in DB ${this.#db.index}`);
    }
    this.keysLoaded++;
    return true;
  }

  /** What was said about the key before it holds for it alone, and only in the coin this server counts in. */
  #endRecord(): void {
    if (this.#idle_s >= 0 || this.#frequency >= 0) this.#setUse();
    this.#deadline_ms = -1;
    this.#idle_s = -1;
    this.#frequency = -1;
  }

  #setUse(): void {
    const ref = this.#db.peek(this.#key, 0, this.#keyLen);
    if (ref === 0) return;
    const { useLfu } = this.#options.keyspace;
    if (useLfu && this.#frequency >= 0) this.#db.setFrequency(ref, this.#frequency);
    else if (!useLfu && this.#idle_s >= 0) this.#db.setIdle(ref, this.#idle_s);
  }

  *#checksum(): Generator<void, void> {
    if (this.version < format.VERSION_WITH_CHECKSUM) return;
    const expected = this.#input.checksum();
    yield* awaitBytes(this.#input, format.CHECKSUM_LENGTH);
    const stored = Buffer.from(this.#input.text(format.CHECKSUM_LENGTH), 'latin1');
    // All zero: saved with rdbchecksum no.
    if (stored.equals(expected) || stored.every((byte) => byte === 0) || this.#options.skipsChecksum === true) return;
    const offset = this.#input.offset - format.CHECKSUM_LENGTH;
    this.#input.fail(`RDB CRC error: Wrong RDB checksum expected: (${hex(expected)}) but got (${hex(stored)})`, offset);
  }

  #keyText(): string {
    return latin1(this.#key, 0, Math.min(this.#keyLen, 256));
  }
}

const NO_EXPIRY = -1;

/** As Redis takes it: a time before 1970 has passed, but for the one millisecond that says that there is none. */
function asDeadline(ms: number): number {
  if (ms === NO_EXPIRY) return NO_DEADLINE;
  return Math.min(Math.max(ms, 0), Number.MAX_SAFE_INTEGER);
}

/** 54 bits of name in characters of six bits each, then 10 bits of version. */
function moduleName(high: number, low: number): string {
  const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let bits = ((BigInt(high) << 32n) | BigInt(low)) >> 10n;
  let name = '';
  for (let i = 0; i < 9; i++, bits >>= 6n) name = characters[Number(bits & 63n)] + name;
  return name;
}

/** As a number, the most significant digit first, while the bytes are in little endian order. */
function hex(checksum: Buffer): string {
  return Buffer.from(checksum)
    .reverse()
    .toString('hex')
    .replace(/^0+(?=.)/, '');
}
