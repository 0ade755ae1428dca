/*
 * CRC-64 "Jones", the checksum of snapshots, DUMP payloads and manifests: polynomial 0xad93d23594c935a9, reflected, start 0.
 *
 * The 64 bits are two int32 halves, because a BigInt per byte would be a hundred times slower. Eight bytes are taken at a
 * time ("slicing by 8"): table k holds the effect of a byte with k bytes still to come, so that the eight look-ups do not
 * wait for each other.
 */
const POLYNOMIAL_LOW = 0xac4b_c9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac_9329 | 0;
const { low: LOW, high: HIGH } = makeTables();

export class Crc64 {
  #low = 0;
  #high = 0;

  update(buf: Buffer, off = 0, len = buf.length - off): void {
    let low = this.#low;
    let high = this.#high;
    let at = off;
    const end = off + len;
    for (const last = end - 8; at <= last; at += 8) {
      // biome-ignore format: one line per half of the eight bytes
      low ^= (buf[at] as number) | ((buf[at + 1] as number) << 8) | ((buf[at + 2] as number) << 16) | ((buf[at + 3] as number) << 24);
      // biome-ignore format: as above
      high ^= (buf[at + 4] as number) | ((buf[at + 5] as number) << 8) | ((buf[at + 6] as number) << 16) | ((buf[at + 7] as number) << 24);
      const a = 1792 + (low & 255);
      const b = 1536 + ((low >>> 8) & 255);
      const c = 1280 + ((low >>> 16) & 255);
      const d = 1024 + (low >>> 24);
      const e = 768 + (high & 255);
      const f = 512 + ((high >>> 8) & 255);
      const g = 256 + ((high >>> 16) & 255);
      const h = high >>> 24;
      low = LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]! ^ LOW[e]! ^ LOW[f]! ^ LOW[g]! ^ LOW[h]!;
      high = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]! ^ HIGH[e]! ^ HIGH[f]! ^ HIGH[g]! ^ HIGH[h]!;
    }
    for (; at < end; at++) {
      const index = (low ^ (buf[at] as number)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ LOW[index]!;
      high = (high >>> 8) ^ HIGH[index]!;
    }
    this.#low = low;
    this.#high = high;
  }

  /** The 8 bytes as they stand in files: little endian. More may be added afterwards. */
  digest(): Buffer {
    const out = Buffer.allocUnsafe(8);
    out.writeInt32LE(this.#low, 0);
    out.writeInt32LE(this.#high, 4);
    return out;
  }

  reset(): void {
    this.#low = 0;
    this.#high = 0;
  }
}

function makeTables(): { low: Int32Array; high: Int32Array } {
  const low = new Int32Array(8 * 256);
  const high = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let l = byte;
    let h = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (carry) {
        l ^= POLYNOMIAL_LOW;
        h ^= POLYNOMIAL_HIGH;
      }
    }
    low[byte] = l;
    high[byte] = h;
  }
  for (let i = 256; i < 8 * 256; i++) {
    const l = low[i - 256]!;
    const h = high[i - 256]!;
    low[i] = ((l >>> 8) | (h << 24)) ^ low[l & 255]!;
    high[i] = (h >>> 8) ^ high[l & 255]!;
  }
  return { low, high };
}
