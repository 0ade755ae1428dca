/** Four bytes as a signed 32-bit number, little end first; at any place, where an Int32Array reads only every fourth. */
export function wordAt(buf: Buffer, at: number): number {
  return (
    (buf[at] as number) |
    ((buf[at + 1] as number) << 8) |
    ((buf[at + 2] as number) << 16) |
    ((buf[at + 3] as number) << 24)
  );
}
