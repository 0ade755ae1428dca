/*
 * The commands of a transaction, between MULTI and EXEC. There may be a million of them, so a request is no object here:
 * what it needs lies packed in blocks, one request behind the other. Each is, in 32-bit words: the number of arguments,
 * the length of the request with a bit that says whether it is canonical, offset and length of every argument; then
 * the bytes of the request, filled up to a word.
 *
 * A request as large as a block is kept by itself: its value can then be taken over by a key, without a copy. Blocks of a
 * long queue are slabs (data/slabs.ts), because from the heap of the C library their memory would stay with the process.
 */

import { OWN_SLABS_FROM_BYTES, SLAB_BYTES } from '../data/slabs.ts';
import { Request } from '../protocol/request.ts';
import type { Command } from './registry.ts';
import type { Flag, Trait } from './spec.ts';

const BLOCK_BYTES_MIN = 1024;
const BLOCK_BYTES_MAX = 256 * 1024;
/** A request from here on is kept by itself. */
const LARGE_BYTES = 16 * 1024;
const HEAD_WORDS = 2;
/** Stands where the number of arguments would be; the next word is the place of the request among the large ones. */
const LARGE = -1;

class Block {
  readonly words: Int32Array;
  readonly bytes: Buffer;
  usedWords = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }
}

/** One of them; good until the next one is asked for. */
export interface QueuedCommand {
  command: Command;
  request: Request;
}

export class CommandQueue {
  readonly #commands: Command[] = [];
  readonly #blocks: Block[] = [];
  readonly #slabs: ArrayBuffer[] = [];
  readonly #large: Request[] = [];
  #hasWrites = false;
  /** Bytes of memory that the requests take. */
  bytes = 0;

  get length(): number {
    return this.#commands.length;
  }

  get hasWrites(): boolean {
    return this.#hasWrites;
  }

  /** Whether all commands have a flag. */
  allHave(flag: Flag): boolean {
    return this.#commands.every((command) => command.has(flag));
  }

  /** Whether some command is set apart so. */
  anyIs(trait: Trait): boolean {
    return this.#commands.some((command) => command.is(trait));
  }

  push(command: Command, request: Request): void {
    this.#commands.push(command);
    if (command.isWrite) this.#hasWrites = true;
    const length = request.end - request.start;
    const words = HEAD_WORDS + request.argc * 2 + ((length + 3) >> 2);
    if (words * 4 >= LARGE_BYTES) this.#pushLarge(request, length);
    else this.#pushPacked(request, length, words);
  }

  *[Symbol.iterator](): Generator<QueuedCommand> {
    const packed = new Request(Buffer.alloc(0));
    const queued: QueuedCommand = { command: this.#commands[0] as Command, request: packed };
    let next = 0;
    for (const block of this.#blocks) {
      for (let at = 0; at < block.usedWords; ) {
        queued.command = this.#commands[next++] as Command;
        if (block.words[at] === LARGE) {
          queued.request = this.#large[block.words[at + 1] as number] as Request;
          at += HEAD_WORDS;
        } else {
          queued.request = packed;
          at = read(block, at, packed);
        }
        yield queued;
      }
    }
  }

  /** Gives the memory back; nobody reads any of it any more. */
  dispose(): void {
    for (const slab of this.#slabs) slab.transfer(0);
    this.#slabs.length = 0;
    this.#blocks.length = 0;
    this.#commands.length = 0;
  }

  #pushLarge(request: Request, length: number): void {
    const block = this.#room(HEAD_WORDS);
    block.words[block.usedWords++] = LARGE;
    block.words[block.usedWords++] = this.#large.length;
    this.#large.push(request.copy());
    this.bytes += length;
  }

  #pushPacked(request: Request, length: number, words: number): void {
    const block = this.#room(words);
    let at = block.usedWords;
    block.words[at++] = request.argc;
    block.words[at++] = (length << 1) | (request.canonical ? 1 : 0);
    for (let i = 0; i < request.argc; i++) {
      block.words[at++] = (request.off[i] as number) - request.start;
      block.words[at++] = request.len[i] as number;
    }
    request.buf.copy(block.bytes, at << 2, request.start, request.end);
    block.usedWords += words;
    // What a slab has not been filled with yet takes no memory.
    if (this.#slabs.length > 0) this.bytes += words << 2;
  }

  #room(words: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.usedWords + words <= last.words.length) return last;
    const block = new Block(this.bytes < OWN_SLABS_FROM_BYTES ? this.#heapBlock(last, words * 4) : this.#slab());
    this.#blocks.push(block);
    return block;
  }

  #heapBlock(last: Block | undefined, needed: number): Buffer {
    const doubled = last === undefined ? BLOCK_BYTES_MIN : Math.min(BLOCK_BYTES_MAX, last.bytes.length * 2);
    const bytes = Buffer.allocUnsafeSlow(Math.max(doubled, needed));
    this.bytes += bytes.length;
    return bytes;
  }

  #slab(): Buffer {
    const slab = new ArrayBuffer(SLAB_BYTES);
    this.#slabs.push(slab);
    return Buffer.from(slab);
  }
}

/** Makes `request` the one that begins at a word of a block; answers where the next one begins. */
function read({ words, bytes }: Block, from: number, request: Request): number {
  const argc = words[from] as number;
  const word = words[from + 1] as number;
  const length = word >>> 1;
  const start = (from + HEAD_WORDS + argc * 2) << 2;
  request.reserve(argc);
  request.buf = bytes;
  request.argc = argc;
  request.start = start;
  request.end = start + length;
  request.canonical = (word & 1) === 1;
  for (let i = 0; i < argc; i++) {
    request.off[i] = start + (words[from + HEAD_WORDS + i * 2] as number);
    request.len[i] = words[from + HEAD_WORDS + i * 2 + 1] as number;
  }
  return (start + length + 3) >> 2;
}
