/* INFO's lines, and sizes as it writes them. Each part of the server tells its own section in this form. */

export type InfoLines = [name: string, value: string | number][];

/** 1536 as 1.50K. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T', 'P'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(2)}${units[unit]}`;
}

/** A part of a whole as a percentage with two digits. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '0.00' : ((part * 100) / whole).toFixed(2);
}
