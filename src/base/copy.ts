/** Up to here a loop beats the call of Buffer.copy, which takes some 40 ns whatever the length. */
const LOOP_MAX = 40;

/** Copies `len` bytes from `from[off]` to `to[at]`; the two must not overlap. */
export function copyBytes(from: Buffer, off: number, len: number, to: Buffer, at: number): void {
  if (len > LOOP_MAX) {
    from.copy(to, at, off, off + len);
    return;
  }
  const end = off + len;
  // Four in one round: a third faster than one by one.
  for (const whole = off + (len & ~3); off < whole; off += 4, at += 4) {
    to[at] = from[off] as number;
    to[at + 1] = from[off + 1] as number;
    to[at + 2] = from[off + 2] as number;
    to[at + 3] = from[off + 3] as number;
  }
  while (off < end) to[at++] = from[off++] as number;
}
