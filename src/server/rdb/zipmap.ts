/*
 * The packed hash of servers before 2.6, which only very old files and payloads carry: read here, never written.
 *
 *   u8 fields (254 and 255 = walk) · { length · field · length · u8 unused · value · unused bytes } … · 0xFF
 *   length = 1 byte, or 0xFE and u32
 */

const END = 0xff;
const LONG = 0xfe;
const COUNT_UNKNOWN = 0xfe;

/**
 * Calls `visit` with every field and then its value. Answers false when the bytes are no valid zipmap, maybe half way
 * through.
 */
export function readZipmap(map: Buffer, visit: (buf: Buffer, off: number, len: number) => void): boolean {
  const end = map.length - 1;
  if (end < 1 || map[end] !== END) return false;
  let fields = 0;
  let at = 1;
  while (at < end) {
    const field = textAt(map, at, end);
    if (field === null || field.behind >= end) return false;
    const value = textAt(map, field.behind, end, 1);
    if (value === null) return false;
    const unused = map[value.off - 1] as number;
    if (value.behind + unused > end) return false;
    visit(map, field.off, field.len);
    visit(map, value.off, value.len);
    at = value.behind + unused;
    fields++;
  }
  const claimed = map[0] as number;
  return claimed >= COUNT_UNKNOWN || claimed === fields;
}

/** A length and what it is of, `gap` bytes behind it; null where it would end behind `end`. */
function textAt(map: Buffer, at: number, end: number, gap = 0): { off: number; len: number; behind: number } | null {
  const prefix = map[at] === LONG ? 5 : 1;
  const off = at + prefix + gap;
  if (map[at] === END || off > end) return null;
  const len = prefix === 1 ? (map[at] as number) : map.readUInt32LE(at + 1);
  return off + len > end ? null : { off, len, behind: off + len };
}
