/*
 * Random commands for comparisons with redis-server: mostly valid, some nearly so. A command is written as its
 * documentation writes it; words in braces stand for something random, brackets for what may be left out, bars for a choice.
 */

import type { Prng } from '../../src/base/prng.ts';
import { DocumentedCommands, mayBeSent } from './documented-commands.ts';
import type { RawClient } from './resp.ts';

/** What the reply of a command is compared by: nothing that depends on order, time or chance. */
export type Compared = 'exactly' | 'unordered' | 'roughly' | 'shape' | 'nullable' | 'scan';

type Form = readonly [form: string, compared?: Compared];

/** What is said beside the usual, or instead of it. */
export interface Vocabulary {
  readonly keys: readonly string[];
  readonly forms: readonly Form[];
  /** How often one of `forms` is taken. */
  readonly share: number;
  /** Commands that are not sent, in lower case. */
  readonly unsaid?: readonly string[];
}

const FORMS: readonly Form[] = [
  ['SET {key} {value} [NX|XX] [GET] [EX {far}|PX {far}|EXAT {date}|PXAT {date}|KEEPTTL]'],
  ['SET {key} {value} [{word}] [{word} {int}]'],
  ['GET {key}'],
  ['GETEX {key} [EX {far}|PX {far}|EXAT {date}|PXAT {date}|PERSIST]'],
  ['GETEX {key} [{word} {int}]'],
  ['GETDEL {key}'],
  ['GETSET {key} {value}'],
  ['SETNX {key} {value}'],
  ['SETEX {key} {int} {value}'],
  ['PSETEX {key} {far} {value}'],
  ['APPEND {key} {value}'],
  ['STRLEN {key}'],
  ['SETRANGE {key} {offset} {value}'],
  ['GETRANGE {key} {int} {int}'],
  ['SUBSTR {key} {int} {int}'],
  ['INCR {key}'],
  ['DECR {key}'],
  ['INCRBY {key} {int}'],
  ['DECRBY {key} {int}'],
  ['INCRBYFLOAT {key} {float}'],
  ['MGET {key} {key} {key}'],
  ['MSET {key} {value} {key} {value}'],
  ['MSETNX {key} {value} {key} {value}'],
  ['LCS {key} {key} [LEN] [IDX] [MINMATCHLEN {int}] [WITHMATCHLEN]'],
  ['LPUSH {key} {value} [{value}] [{value}]'],
  ['RPUSH {key} {value} [{value}] [{value}]'],
  ['LPUSHX {key} {value}'],
  ['RPUSHX {key} {value} [{value}]'],
  ['LPOP {key} [{int}]'],
  ['RPOP {key} [{int}]'],
  ['LLEN {key}'],
  ['LINDEX {key} {int}'],
  ['LRANGE {key} {int} {int}'],
  ['SADD {key} {value} [{value}] [{value}]'],
  ['SADD {key} {small} [{small}] [{small}]'],
  ['SREM {key} {value} [{small}]'],
  ['SISMEMBER {key} {value}'],
  ['SMISMEMBER {key} {value} {small}'],
  ['SCARD {key}'],
  ['SMEMBERS {key}', 'unordered'],
  ['HSET {key} {field} {value} [{field} {value}] [{field} {small}]'],
  ['HSET {key} {field} {small}'],
  ['HSETNX {key} {field} {value}'],
  ['HMSET {key} {field} {value} {field} {value}'],
  ['HGET {key} {field}'],
  ['HMGET {key} {field} [{field}] [{field}]'],
  ['HGETALL {key}', 'unordered'],
  ['HKEYS {key}', 'unordered'],
  ['HVALS {key}', 'unordered'],
  ['HLEN {key}'],
  ['HSTRLEN {key} {field}'],
  ['HEXISTS {key} {field}'],
  ['HDEL {key} {field} [{field}] [{field}]'],
  ['HINCRBY {key} {field} {int}'],
  ['HINCRBYFLOAT {key} {field} {float}'],
  ['HSCAN {key} 0 COUNT 100000 [MATCH {pattern}]', 'scan'],
  ['HSCAN {key} {int} [MATCH {pattern}] [COUNT {int}]', 'shape'],
  ['HRANDFIELD {key}', 'nullable'],
  ['HRANDFIELD {key} {few} [WITHVALUES]', 'shape'],
  ['DEL {key} [{key}]'],
  ['UNLINK {key} [{key}]'],
  ['EXISTS {key} [{key}] [{key}]'],
  ['TOUCH {key} [{key}]'],
  ['TYPE {key}'],
  ['RENAME {key} {key}'],
  ['RENAMENX {key} {key}'],
  ['COPY {key} {key} [DB {db}] [REPLACE]'],
  ['MOVE {key} {db}'],
  ['PERSIST {key}'],
  ['EXPIRE {key} {far} [NX|XX|GT|LT]'],
  ['PEXPIRE {key} {far} [NX|XX|GT|LT] [NX|XX|GT|LT]'],
  ['EXPIRE {key} {int} [{word}]'],
  ['PEXPIRE {key} {int}'],
  ['EXPIREAT {key} {date} [NX|XX|GT|LT]'],
  ['PEXPIREAT {key} {date}'],
  ['TTL {key}', 'roughly'],
  ['PTTL {key}', 'roughly'],
  ['EXPIRETIME {key}', 'roughly'],
  ['PEXPIRETIME {key}', 'roughly'],
  ['OBJECT ENCODING {key}'],
  ['OBJECT REFCOUNT {key}', 'nullable'],
  ['OBJECT FREQ {key}'],
  ['DUMP {key}', 'shape'],
  ['KEYS {pattern}', 'unordered'],
  ['SCAN 0 COUNT 100000 [MATCH {pattern}] [TYPE {type}]', 'scan'],
  ['SCAN {int} [MATCH {pattern}] [COUNT {int}] [TYPE {type}]', 'shape'],
  ['SCAN 0 [{word}] [{word}] [COUNT {int}]', 'shape'],
  ['DBSIZE'],
  ['RANDOMKEY', 'nullable'],
  ['SELECT {db}'],
  ['SWAPDB {db} {db}'],
  ['FLUSHDB [ASYNC|SYNC]'],
  ['PING [{value}]'],
  ['ECHO {value}'],
  ['MULTI'],
  ['EXEC'],
  ['DISCARD'],
  ['WATCH {key} [{key}]'],
  ['UNWATCH'],
  ['CLIENT SETNAME {value}'],
  ['CLIENT GETNAME'],
  ['CONFIG GET {setting}', 'unordered'],
  ['COMMAND GETKEYS {name} {key} {key} {int}'],
  ['COMMAND GETKEYS MSET {key} {value} {key} {value}'],
  ['DEBUG DIGEST-VALUE {key} {key}'],
  ['RESTORE {key} {int} {value} [REPLACE] [ABSTTL] [IDLETIME {int}] [FREQ {int}]'],
  ['MIGRATE 127.0.0.1 {int} {key} {int} {int} [COPY] [REPLACE]'],
  ['WAIT 0 {int}'],
  ['{word} {value}'],
  ['{value} {value} {value}'],
];

const NAMES = [
  'get',
  'SET',
  'Mget',
  'lpush',
  'sadd',
  'copy',
  'rename',
  'expire',
  'ping',
  'nothing',
  'object',
  'config',
];

/** Those of which `{db}` is one. */
export const DATABASES_USED: readonly string[] = ['0', '1', '2', '15'];

const FROM_DOCUMENTS = 0.4;

export interface RandomCommand {
  readonly words: readonly string[];
  readonly compared: Compared;
}

/** Characters are bytes. */
export class CommandSource {
  readonly #prng: Prng;
  readonly #vocabulary: Vocabulary;
  #documented: DocumentedCommands | null = null;

  constructor(prng: Prng, vocabulary: Vocabulary = USUAL) {
    this.#prng = prng;
    this.#vocabulary = vocabulary;
  }

  /** From now on also calls of all commands of the table, as `redis` documents them. */
  async learn(redis: RawClient): Promise<void> {
    this.#documented = await DocumentedCommands.of(redis, this.#prng, (kind) => this.#word(kind));
  }

  next(): RandomCommand {
    for (;;) {
      const command = this.#made();
      const [name = '', second = ''] = command.words.map((word) => word.toLowerCase());
      // A replica that nobody has is waited for without an end.
      if (name === 'wait' && second !== '0') continue;
      // As many fields are answered as are asked for, if it takes hours.
      if (name === 'hrandfield' && command.words.some((word) => /^-\d{4,}$/.test(word))) continue;
      if (this.#vocabulary.unsaid?.includes(name) === true) continue;
      if (mayBeSent(name) && mayBeSent(`${name} ${second}`)) return command;
    }
  }

  #made(): RandomCommand {
    const prng = this.#prng;
    const { words, compared } = this.#valid();
    const isSpoiled = prng.chance(0.06);
    if (isSpoiled) this.#spoil(words);
    const name = words[0] ?? 'PING';
    if (GIVES_TIME.test(name)) words.forEach((word, i) => this.#prolong(words, word, i));
    if (prng.chance(0.3)) words[0] = name.toLowerCase();
    // Deadlines beyond 2^53 milliseconds are one and the same (docs/compatibility.md).
    if (words.some((word) => /^[GL]T$/i.test(word)) && words.some((word) => /^\d{13,}$/.test(word)))
      return { words, compared: 'shape' };
    // Another cursor, or another count.
    if (compared === 'scan' && isSpoiled) return { words, compared: 'shape' };
    return { words, compared: compared === 'exactly' && isRandom(words) ? 'nullable' : compared };
  }

  #valid(): { words: string[]; compared: Compared } {
    const prng = this.#prng;
    const { forms, share } = this.#vocabulary;
    if (forms.length > 0 && prng.chance(share)) {
      const [form, compared = 'exactly'] = prng.pick(forms);
      return { words: this.#expand(form), compared };
    }
    if (this.#documented !== null && prng.chance(FROM_DOCUMENTS)) {
      const { words, compared } = this.#documented.next();
      return { words: [...words], compared };
    }
    const [form, compared = 'exactly'] = prng.pick(FORMS);
    return { words: this.#expand(form), compared };
  }

  /** Nothing dies while it is looked at: no time is so short. */
  #prolong(words: string[], word: string, i: number): void {
    if (i < 2 || !/^[1-9]\d*$/.test(word)) return;
    if (/^[ep]xat$/i.test(words[i - 1] ?? '')) {
      if (word.length < LATER.length) words[i] = LATER;
    } else if (word.length < 7) words[i] = `${word}00000000`;
  }

  /** A write whose key dies soon; its reply does not depend on when. */
  dying(): RandomCommand {
    const words = ['SET', this.#word('key'), this.#word('value')];
    const soon = this.#prng.chance(0.8) ? ['PX', String(1 + this.#prng.below(30))] : ['PXAT', '1'];
    return { words: [...words, ...soon], compared: 'exactly' };
  }

  #expand(form: string): string[] {
    const words: string[] = [];
    for (const [, optional, required] of form.matchAll(/\[([^\]]+)\]|(\S+)/g)) {
      if (required !== undefined) words.push(this.#fill(required));
      else if (this.#prng.chance(0.35)) {
        const choice = this.#prng.pick((optional as string).split('|'));
        words.push(...choice.split(' ').map((word) => this.#fill(word)));
      }
    }
    return words;
  }

  #fill(word: string): string {
    const [, kind] = /^\{(\w+)\}$/.exec(word) ?? [];
    if (kind !== undefined) return this.#word(kind);
    return this.#prng.chance(0.2) ? word.toLowerCase() : word;
  }

  /** Something is left out, doubled, or another thing. */
  #spoil(words: string[]): void {
    const prng = this.#prng;
    const at = prng.below(words.length);
    const kinds = Object.keys(WORDS);
    if (prng.chance(0.35)) words.splice(at, 1);
    else if (prng.chance(0.5)) words.splice(at, 0, this.#word(prng.pick(kinds)));
    else words[at] = this.#word(prng.pick(kinds));
    if (words.length === 0) words.push('PING');
  }

  #word(kind: string): string {
    const prng = this.#prng;
    if (kind === 'value' && prng.chance(0.1)) {
      return Array.from({ length: prng.below(80) }, () => String.fromCharCode(prng.below(256))).join('');
    }
    return prng.pick(kind === 'key' ? this.#vocabulary.keys : (WORDS[kind] as readonly string[]));
  }
}

/** A date in seconds as well as in milliseconds. */
const LATER = '4000000000000';

/** Commands that take a time from now. */
const GIVES_TIME = /^(set|getex|setex|psetex|expire|pexpire)$/i;

function isRandom(words: readonly string[]): boolean {
  return /^(randomkey|hrandfield|time|scan|info|lolwut|role|hello)$/i.test(words[0] ?? '');
}

const INTS = [
  '0',
  '1',
  '-1',
  '2',
  '-2',
  '3',
  '7',
  '10',
  '-10',
  '100',
  '1000',
  '65536',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '4294967295',
  '4294967296',
  '4294967297',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775',
  '-9223372036854776',
  '9223372036854775806',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '99999999999999999999',
  '',
  ' 1',
  '1 ',
  '+1',
  '01',
  '-0',
  '1.0',
  '1e3',
  '0x10',
  'abc',
  'inf',
  '1\0',
];

const WORDS: Readonly<Record<string, readonly string[]>> = {
  key: [
    'a',
    'b',
    'c',
    'd',
    'e',
    'list',
    'set',
    'hash',
    'text',
    'num',
    '{t}1',
    '{t}2',
    '',
    'with space',
    'k\0z',
    '\xff\xfe\x00',
    'A',
  ],
  value: [
    '',
    'x',
    'hello',
    '0',
    '1',
    '-1',
    '10',
    '3.14',
    '1e5',
    '9223372036854775807',
    '-9223372036854775808',
    '007',
    ' 5',
    'x'.repeat(44),
    'x'.repeat(45),
    'y'.repeat(64),
    'z'.repeat(65),
    'long '.repeat(500),
    '\r\n',
    '\0',
    '\xc3\xa9',
    'it\'s "q"',
  ],
  field: ['f', 'g', '1', '2', '-5', '', 'n\0z', '9223372036854775807', 'h'.repeat(64), 'i'.repeat(65)],
  few: ['0', '1', '2', '-1', '-3', '100', '-100', '9223372036854775807', 'abc', ''],
  small: ['1', '2', '3', '-5', '40000', '-40000', '3000000000', '9223372036854775807', '01', 'm'],
  int: INTS,
  offset: ['0', '1', '5', '100', '-1', '1048575', '1048576', '4294967296', 'abc', ''],
  float: [
    '1',
    '-1',
    '0.1',
    '1.5',
    '-2.25',
    '1e3',
    '3.0e-5',
    '5.0e300',
    '1e308',
    'inf',
    '-inf',
    'nan',
    'abc',
    '',
    ' 1',
    '0x1p4',
    '1.7976931348623157e308',
  ],
  far: [
    '100000',
    '200000',
    '300000',
    '5000000',
    '9007199254740993',
    '9223372036854775',
    '9223372036854775807',
    '0',
    '-1',
    '-100',
    'abc',
    '',
  ],
  date: [
    '4000000000',
    '4000000000000',
    '5000000000000',
    '1',
    '0',
    '-1',
    '100',
    '9223372036854775',
    '9223372036854775807',
    '-9223372036854775808',
    'abc',
  ],
  db: [
    '0',
    '0',
    '0',
    '1',
    '1',
    '2',
    '15',
    '16',
    '-1',
    'abc',
    '',
    '4294967296',
    '2147483648',
    '9223372036854775808',
    '-9223372036854775809',
  ],
  pattern: ['*', '*', 'a*', '?', '[ab]', '[^a]', '{t}*', '\\a', '[a-c]', '*e*', '', '[', '\xff*', 'k?z', '[z-a]'],
  type: ['string', 'list', 'set', 'hash', 'STRING', 'nothing', ''],
  word: [
    'NX',
    'XX',
    'GET',
    'EX',
    'PX',
    'EXAT',
    'PXAT',
    'KEEPTTL',
    'PERSIST',
    'GT',
    'LT',
    'MATCH',
    'COUNT',
    'TYPE',
    'LEN',
    'IDX',
    'nothing',
    '',
    'REPLACE',
    '\xff\xe9',
  ],
  setting: [
    'maxmemory',
    'MAXMEMORY',
    'maxm*',
    'Save',
    'appendonly',
    'nothing',
    'list-max-listpack-size',
    '*-EFFORT',
    'hz',
    '',
  ],
  name: NAMES,
};

export const USUAL: Vocabulary = { keys: WORDS.key as readonly string[], forms: [], share: 0 };
