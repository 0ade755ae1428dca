/*
 * A thread that takes over locks at the same moment as others: in every round one of them leaves a lock whose owner is
 * dead, all try to take it at once, and those who got it are counted.
 */
import { symlinkSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { takeLock } from '../../../src/cluster/machine/lock.ts';

const { folder, index, threads, rounds, shared } = workerData as {
  folder: string;
  index: number;
  threads: number;
  rounds: number;
  shared: SharedArrayBuffer;
};
const ARRIVED = 0;
/** Behind the counter of arrivals: the owners of each round. */
const OWNERS = 1;
const cells = new Int32Array(shared);
let meetings = 0;

/** All go on together: who comes first waits for the others, and is woken by the last. */
function meet(): void {
  meetings++;
  const all = meetings * threads;
  if (Atomics.add(cells, ARRIVED, 1) + 1 === all) Atomics.notify(cells, ARRIVED);
  for (let seen = Atomics.load(cells, ARRIVED); seen < all; seen = Atomics.load(cells, ARRIVED)) {
    Atomics.wait(cells, ARRIVED, seen);
  }
}

for (let round = 0; round < rounds; round++) {
  const file = `${folder}/${round}.lock`;
  if (index === 0) symlinkSync('1 1 a process that is dead', file);
  meet();
  try {
    takeLock(file, `thread ${index}`);
    Atomics.add(cells, OWNERS + round, 1);
  } catch {
    // Another was quicker.
  }
  meet();
}
