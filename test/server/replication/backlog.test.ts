import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { Backlog } from '../../../src/server/replication/backlog.ts';

describe('a backlog', () => {
  test('begins behind what was before it', () => {
    const backlog = new Backlog(16, 101);
    expect([backlog.first, backlog.length, backlog.has(100), backlog.has(101), backlog.has(102)]).toEqual([
      101,
      0,
      false,
      true,
      false,
    ]);
    expect(backlog.from(101)).toHaveLength(0);
  });

  test('holds the last bytes of the stream, whatever pieces they came in', () => {
    const prng = new Prng(7);
    for (let round = 0; round < 50; round++) {
      let size = 1 + prng.below(64);
      const start = prng.below(1000);
      const backlog = new Backlog(size, start + 1);
      let stream = Buffer.alloc(0);
      let held = 0;
      for (let step = 0; step < 40; step++) {
        if (prng.chance(0.05)) {
          size = 1 + prng.below(64);
          backlog.resize(size);
          held = Math.min(held, size);
        }
        const piece = Buffer.from(Array.from({ length: prng.below(100) }, () => prng.below(256)));
        stream = Buffer.concat([stream, piece]);
        backlog.push(piece);
        held = Math.min(held + piece.length, size);
        expect(backlog.length).toBe(held);
        expect(backlog.first).toBe(start + 1 + stream.length - held);
        const skipped = prng.below(held + 1);
        expect(backlog.from(backlog.first + skipped)).toEqual(stream.subarray(stream.length - held + skipped));
        expect(backlog.has(backlog.first - 1)).toBe(false);
      }
    }
  });
});
