/*
 * Numbers and words as they stand in requests: bytes of a shared input buffer, given as (buf, off, len). What runs once
 * per command reads and writes digits directly, because a string made only to be parsed costs more than the parsing.
 */

/** 2^53 - 1 has 16 digits; a 17th is out of range whatever it says. */
const INTEGER_DIGITS_MAX = 16;
/** So many digits always fit 31 bits. */
const INT32_DIGITS = 9;
/** 2^63 - 1 has 19 digits. */
const INT64_DIGITS_MAX = 19;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;

const ZERO = 0x30;
const MINUS = 0x2d;
/** '00' to '99': two digits cost one division. */
const PAIRS = Buffer.from(Array.from({ length: 100 }, (_, n) => `${n}`.padStart(2, '0')).join(''));

/** The canonical decimal within +-(2^53 - 1), or NaN: no sign but a minus, no leading zeros, no "-0", no blanks. */
export function parseInteger(buf: Buffer, off: number, len: number): number {
  let at = off;
  const end = off + len;
  const negative = len > 0 && buf[at] === MINUS;
  if (negative) at++;
  const digits = end - at;
  if (digits <= 0 || digits > INTEGER_DIGITS_MAX) return Number.NaN;
  let value = (buf[at] as number) - ZERO;
  if (value < 0 || value > 9) return Number.NaN;
  if (value === 0) return digits === 1 && !negative ? 0 : Number.NaN;
  if (digits <= INT32_DIGITS) return parseInt32(buf, at, end, negative);
  for (at++; at < end; at++) {
    const digit = (buf[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    // 16 digits may pass 2^53, but never so far that a sum too big would come out as one that is not.
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

/** The same of a few digits that begin with no zero, by integer instructions, which are quicker. */
function parseInt32(buf: Buffer, from: number, end: number, negative: boolean): number {
  let value = 0;
  for (let at = from; at < end; at++) {
    const digit = (buf[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = (Math.imul(value, 10) + digit) | 0;
  }
  return negative ? -value : value;
}

/** The canonical decimal within a signed 64-bit integer, or null. */
export function parseInt64(buf: Buffer, off: number, len: number): bigint | null {
  const small = parseInteger(buf, off, len);
  if (!Number.isNaN(small)) return BigInt(small);
  const negative = len > 0 && buf[off] === MINUS;
  const start = negative ? off + 1 : off;
  const digits = off + len - start;
  // Everything shorter was judged above.
  if (digits < INTEGER_DIGITS_MAX || digits > INT64_DIGITS_MAX || buf[start] === ZERO) return null;
  for (let at = start; at < off + len; at++) {
    const digit = (buf[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
  }
  const value = BigInt(buf.latin1Slice(off, off + len));
  return value > INT64_MAX || value < INT64_MIN ? null : value;
}

/** Whether the bytes are the word `lower` (given in lower case) in any mixture of upper and lower case. */
export function equalsFolded(buf: Buffer, off: number, len: number, lower: string): boolean {
  if (len !== lower.length) return false;
  for (let i = 0; i < len; i++) {
    let byte = buf[off + i] as number;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** The bytes as a string of as many characters, each 0 to 255: nothing is lost, whatever the bytes are. */
export function latin1(buf: Buffer, off: number, len: number): string {
  return buf.latin1Slice(off, off + len);
}

/** How many decimal digits an integer has, its sign not counted. */
export function digitsOf(n: number): number {
  const size = n < 0 ? -n : n;
  if (size < 100_000) {
    if (size < 100) return size < 10 ? 1 : 2;
    if (size < 1000) return 3;
    return size < 10_000 ? 4 : 5;
  }
  let digits = 6;
  for (let limit = 1_000_000; size >= limit; limit *= 10) digits++;
  return digits;
}

/** Writes a safe integer in decimal at `at` and answers the place behind it. The room must be there. */
export function writeInteger(n: number, out: Buffer, at: number): number {
  let rest = n;
  let start = at;
  if (rest < 0) {
    out[start++] = MINUS;
    rest = -rest;
  }
  const end = start + digitsOf(rest);
  let place = end;
  // The integer instructions of small numbers are several times faster than a division of doubles.
  while (rest > 0x7fff_ffff) {
    const tenth = Math.floor(rest / 10);
    out[--place] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  let low = rest | 0;
  while (low >= 100) {
    const hundredth = (low / 100) | 0;
    const pair = (low - hundredth * 100) << 1;
    place -= 2;
    out[place] = PAIRS[pair] as number;
    out[place + 1] = PAIRS[pair + 1] as number;
    low = hundredth;
  }
  if (low >= 10) {
    out[start] = PAIRS[low << 1] as number;
    out[start + 1] = PAIRS[(low << 1) + 1] as number;
  } else {
    out[start] = ZERO + low;
  }
  return end;
}

/** A double as C prints it with "%.17g", which is how replies carry scores and distances; "inf", "-inf", "nan". */
export function formatDouble(n: number): string {
  // Halves, quarters … 64ths below 2^28 have at most 15 digits: their shortest form is their exact form.
  if (n < 0x1000_0000 && n > -0x1000_0000 && Number.isInteger(n * 64)) {
    const text = `${n}`;
    if (n !== 0) return text;
    return Object.is(n, -0) ? '-0' : text;
  }
  if (n === Number.POSITIVE_INFINITY) return 'inf';
  if (n === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isNaN(n)) return 'nan';
  return layOut(seventeenDigits(n));
}

/** "-d.dddddddddddddddde+x" with 17 digits, rounded as C rounds: exact ties to the even digit. */
function seventeenDigits(n: number): string {
  const up = n.toExponential(16);
  const finer = n.toExponential(17);
  if (!finer.includes('5e')) return up;
  // JavaScript rounds ties away from zero. A tie ends in 5 at the 18th digit, with nothing behind it.
  const exact = n.toExponential(100);
  const mark = exact.indexOf('.') + 18;
  if (!/^0+e/.test(exact.slice(mark))) return up;
  const kept = finer.slice(0, finer.indexOf('5e'));
  const even = (kept.charCodeAt(kept.length - 1) & 1) === 0;
  return even ? kept + finer.slice(finer.indexOf('e')) : up;
}

/** From the scientific form to what %g chooses: plain from 1e-4 to below 1e17, no zeros at the end. */
function layOut(scientific: string): string {
  const split = scientific.indexOf('e');
  const exponent = Number(scientific.slice(split + 1));
  const sign = scientific.startsWith('-') ? '-' : '';
  const digits = scientific.slice(sign.length, split).replace('.', '').replace(/0+$/, '');
  if (exponent < -4 || exponent >= 17) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = `${Math.abs(exponent)}`.padStart(2, '0');
    return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0');
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}
