/*
 * Memory that only the garbage collector can give back: lists and sets that were deleted, queues of transactions, what
 * clients had not yet read or had sent, and clients themselves. V8 makes a collection when much is allocated; a server
 * that becomes quiet after a big deletion allocates nothing, and would keep all of it. So from time to time this compares
 * what V8 holds, off its heap and on it, with what data, clients and backlog need, and asks for a collection when the
 * difference is large and stays. What somebody needs is counted out by name: taken for a part of what always stays, it would
 * never be missed when its owner lets go of it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryOfClient } from './handlers/client-memory.ts';
import { Request } from './protocol/request.ts';
import type { Server } from './state/server.ts';

const LOOK_EVERY_MS = 1000;
/** So much garbage is worth a collection, which takes some milliseconds … */
const GARBAGE_MIN_BYTES = 16 * 1024 * 1024;
/** … and a millisecond more for each megabyte of the heap: at least this share of it should be won. */
const SHARE_OF_HEAP_MIN = 0.5;
/** A server whose heap changes by more from look to look is busy: its heap is as large as it has to be. */
const QUIET_BYTES = 1024 * 1024;
/** What a connected client takes of the heap, its socket among it; measured with 10,000. */
const HEAP_BYTES_PER_CLIENT = 5000;

const NO_REQUEST = new Request(Buffer.alloc(0));

type Collect = (options?: { type: 'major'; flavor: 'last-resort' }) => void;

/** For a server that has the process to itself. */
export function collectWhenQuiet(server: Server): void {
  let collect: Collect | null = null;
  let { heapUsed: usedBefore, heapTotal } = process.memoryUsage();
  const outside = new Suspects(0);
  const heap = new Suspects(heapTotal);
  server.every(LOOK_EVERY_MS, () => {
    const { heapUsed } = process.memoryUsage();
    const worth = Math.max(GARBAGE_MIN_BYTES, heapUsed * SHARE_OF_HEAP_MIN);
    const isQuiet = Math.abs(heapUsed - usedBefore) < QUIET_BYTES;
    usedBefore = heapUsed;
    const outsideIsStale = outside.areStale(unusedOutside(server), worth);
    const heapIsStale = heap.areStale(unusedHeap(server), worth) && isQuiet;
    if (!outsideIsStale && !heapIsStale) return;
    collect ??= collector();
    // The last command is over, and its request may be what is to be collected.
    server.call.forget(NO_REQUEST);
    server.keyspace.key.load(NO_REQUEST.buf, 0, 0);
    // The usual collection empties pages of the heap, but keeps them.
    if (heapIsStale) collect({ type: 'major', flavor: 'last-resort' });
    else collect();
    outside.collected(unusedOutside(server));
    heap.collected(unusedHeap(server));
    usedBefore = process.memoryUsage().heapUsed;
  });
}

/** Bytes that nobody is known to need. */
class Suspects {
  /** At the last look. */
  #before = 0;
  /** What a collection left, or what was there in the beginning. */
  #inUse: number;

  constructor(inUse: number) {
    this.#inUse = inUse;
  }

  /** Whether so many that they are worth a collection have lain there for two looks. */
  areStale(bytes: number, worth: number): boolean {
    this.#inUse = Math.min(this.#inUse, bytes);
    const before = this.#before;
    this.#before = bytes;
    // Less than before: V8 is at work by itself.
    return bytes - this.#inUse >= worth && before - this.#inUse >= worth && bytes >= before;
  }

  collected(left: number): void {
    this.#inUse = left;
    this.#before = left;
  }
}

function unusedOutside(server: Server): number {
  const { keyspace, clients, links } = server;
  const { arenaBytes, tableBytes, bigBytes, objectBytes } = keyspace.stats();
  const data = arenaBytes + tableBytes + bigBytes + objectBytes + keyspace.memory.vacantBytes;
  let unused = process.memoryUsage().arrayBuffers - data - (links.backlog?.size ?? 0);
  // Not worth a walk through all clients otherwise.
  if (unused >= GARBAGE_MIN_BYTES)
    for (const client of clients.values()) unused -= memoryOfClient(server, client).total;
  return Math.max(0, unused);
}

function unusedHeap({ clients }: Server): number {
  return Math.max(0, process.memoryUsage().heapTotal - clients.size * HEAP_BYTES_PER_CLIENT);
}

/** Node hides the function that V8 has for this. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
