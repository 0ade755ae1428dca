/*
 * Chance, as an argument: everything random in the server draws from a Prng that was handed in, so that a seed replays a
 * simulation. Ids and secrets that strangers must not guess come from randomHex instead.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** sfc32: 128 bits of state, passes PractRand, and runs on int32 arithmetic alone. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    // Seeds above 32 bits count in full; neighbouring seeds start far apart after the rounds below.
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e37_79b9 | 0;
    for (let round = 0; round < 16; round++) this.next();
  }

  /** Uniform over 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform over 0 to n - 1, for n up to 2^53. */
  below(n: number): number {
    // The bias of scaling 53 bits is below n / 2^53: nothing a test or a sample could notice.
    return Math.floor(this.float() * n);
  }

  /** Uniform over [0, 1), with 53 random bits. */
  float(): number {
    return ((this.next() >>> 5) * 0x400_0000 + (this.next() >>> 6)) / 0x20_0000_0000_0000;
  }

  chance(p: number): boolean {
    return this.float() < p;
  }

  /** One of a list that is not empty. */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('cannot pick from an empty list');
    return from[this.below(from.length)] as T;
  }

  /** n hexadecimal digits. */
  hex(n: number): string {
    let text = '';
    while (text.length < n) text += this.next().toString(16).padStart(8, '0');
    return text.slice(0, n);
  }
}

/** A seed nobody chose; print it where a run should be repeatable. */
export function entropySeed(): number {
  return entropy(6).readUIntBE(0, 6);
}

/** `length` hexadecimal digits that cannot be guessed: node ids, replication ids. */
export function randomHex(length: number): string {
  return entropy(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length);
}

const DEVICE = '/dev/urandom';
/** Enough for all that a server asks for while it starts. */
const SUPPLY_BYTES = 256;
/** What was read and not handed out yet; every byte is handed out once. */
let supply: Buffer = Buffer.alloc(0);

/** From the system's own source where it is a file: to load node:crypto would take a tenth of a server's start. */
function entropy(length: number): Buffer {
  if (supply.length < length) {
    const wanted = Math.max(length, SUPPLY_BYTES);
    supply = readDevice(wanted) ?? randomBytes(wanted);
  }
  const bytes = Buffer.from(supply.subarray(0, length));
  supply = supply.subarray(length);
  return bytes;
}

function readDevice(length: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(DEVICE, 'r');
  } catch {
    return null; // Another system, or a root folder without devices.
  }
  try {
    const bytes = Buffer.alloc(length);
    return readSync(fd, bytes, 0, length, null) === length ? bytes : null;
  } finally {
    closeSync(fd);
  }
}
