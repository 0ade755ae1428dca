/*
 * Memory that only the garbage collector can give back: lists and sets that were deleted, queues of transactions, what
 * clients had not yet read or had sent. V8 makes a collection when much is allocated; a server that becomes quiet after
 * a big deletion allocates nothing, and would keep all of it. So from time to time this compares what V8 holds off its
 * heap with what the data need, and asks for a collection when the difference is large and stays.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Request } from './protocol/request.ts';
import type { Server } from './state/server.ts';

const LOOK_EVERY_MS = 1000;
/** So much garbage is worth a collection, which takes some milliseconds. */
const GARBAGE_MIN_BYTES = 16 * 1024 * 1024;

const NO_REQUEST = new Request(Buffer.alloc(0));

/** For a server that has the process to itself. */
export function collectWhenQuiet(server: Server): void {
  let collect: (() => void) | null = null;
  /** What looked like garbage at the last look, and what was still there after the last collection: it is in use. */
  let before = 0;
  let inUse = 0;
  server.every(LOOK_EVERY_MS, () => {
    const garbage = unusedBytes(server);
    inUse = Math.min(inUse, garbage);
    // Less than before: V8 is at work by itself.
    if (garbage - inUse >= GARBAGE_MIN_BYTES && before - inUse >= GARBAGE_MIN_BYTES && garbage >= before) {
      collect ??= collector();
      // The last command is over, and its request may be what is to be collected.
      server.call.forget(NO_REQUEST);
      server.keyspace.key.load(NO_REQUEST.buf, 0, 0);
      collect();
      inUse = unusedBytes(server);
    }
    before = garbage;
  });
}

function unusedBytes({ keyspace }: Server): number {
  const { arenaBytes, tableBytes, bigBytes, objectBytes } = keyspace.stats();
  const needed = arenaBytes + tableBytes + bigBytes + objectBytes + keyspace.memory.vacantBytes;
  return Math.max(0, process.memoryUsage().arrayBuffers - needed);
}

/** Node hides the function that V8 has for this. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
