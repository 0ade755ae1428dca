/** CRC16/XMODEM: polynomial 0x1021, start 0, nothing reflected. Which slot a key falls into hangs on it. */
const TABLE = makeTable();

export function crc16(buf: Buffer, off: number, len: number): number {
  let crc = 0;
  for (let i = off, end = off + len; i < end; i++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >>> 8) ^ (buf[i] as number)] as number);
  }
  return crc;
}

function makeTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = crc;
  }
  return table;
}
