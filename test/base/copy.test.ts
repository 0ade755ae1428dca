import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyBytes, copyInARow } from '../../src/base/copy.ts';

/** Small ones, one of which lies in the middle of a larger ArrayBuffer, and one too large to be remembered. */
const sources = [
  Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 31) & 255)),
  Buffer.from(Array.from({ length: 900 }, (_, i) => (i * 17) & 255)).subarray(100, 800),
  Buffer.alloc(200 * 1024, 'all that a client may send'),
];
const targets = () => [Buffer.alloc(700), Buffer.alloc(900).subarray(100, 800), Buffer.alloc(200 * 1024)];

const step = fc.record({
  from: fc.nat(2),
  to: fc.nat(2),
  off: fc.nat(300),
  at: fc.nat(300),
  len: fc.oneof(fc.nat(40), fc.nat(300)),
});

for (const copy of [copyBytes, copyInARow]) {
  test(`${copy.name} writes what Buffer.copy writes, and nothing beside it, whatever buffers take turns`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const ours = targets();
        const theirs = targets();
        for (const { from, to, off, at, len } of steps) {
          copy(sources[from]!, off, len, ours[to]!, at);
          sources[from]!.copy(theirs[to]!, at, off, off + len);
        }
        for (let i = 0; i < ours.length; i++) expect(ours[i]!.equals(theirs[i]!)).toBe(true);
      }),
    );
  });
}
