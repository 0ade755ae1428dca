/*
 * Patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL: * ? [a-z] [^a-z] and \ to take the next character literally.
 *
 * Every element but the star stands for exactly one byte, so it is enough to remember the last star: when the pattern
 * fails behind it, the star swallows one byte more. The work is at most pattern times text, whatever a client sends;
 * trying each star recursively would be exponential.
 */
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const DASH = 0x2d;

export function globMatch(pattern: Buffer, buf: Buffer, off: number, len: number, nocase = false): boolean {
  const patternEnd = pattern.length;
  const end = off + len;
  // As Redis has it: no pattern with anything in it matches an empty text, not even the star.
  if (len === 0) return patternEnd === 0;
  let p = 0;
  let at = off;
  let starPattern = -1;
  let starAt = 0;
  while (at < end) {
    if (p < patternEnd && pattern[p] === STAR) {
      while (p < patternEnd && pattern[p] === STAR) p++;
      if (p === patternEnd) return true;
      starPattern = p;
      starAt = at;
      continue;
    }
    if (p < patternEnd && matchesOne(pattern, p, buf[at] as number, nocase)) {
      p = behind(pattern, p);
      at++;
      continue;
    }
    if (starPattern < 0) return false;
    starAt++;
    at = starAt;
    p = starPattern;
  }
  while (p < patternEnd && pattern[p] === STAR) p++;
  return p === patternEnd;
}

/** Whether the element of the pattern at `p`, which is not a star, stands for this byte. */
function matchesOne(pattern: Buffer, p: number, byte: number, nocase: boolean): boolean {
  const element = pattern[p] as number;
  if (element === QUESTION) return true;
  if (element === OPEN) return matchesClass(pattern, p + 1, byte, nocase);
  const literal = element === BACKSLASH && p + 1 < pattern.length ? (pattern[p + 1] as number) : element;
  return same(literal, byte, nocase);
}

/** A class without its closing bracket ends with the pattern. */
function matchesClass(pattern: Buffer, from: number, byte: number, nocase: boolean): boolean {
  const end = pattern.length;
  let p = from;
  const negated = p < end && pattern[p] === CARET;
  if (negated) p++;
  let found = false;
  while (p < end && pattern[p] !== CLOSE) {
    if (pattern[p] === BACKSLASH && p + 1 < end) {
      found = same(pattern[p + 1] as number, byte, nocase) || found;
      p += 2;
    } else if (p + 2 < end && pattern[p + 1] === DASH) {
      found = isWithin(pattern[p] as number, pattern[p + 2] as number, byte, nocase) || found;
      p += 3;
    } else {
      found = same(pattern[p] as number, byte, nocase) || found;
      p++;
    }
  }
  return found !== negated;
}

/** Where the element at `p` ends. */
function behind(pattern: Buffer, p: number): number {
  const end = pattern.length;
  if (pattern[p] === BACKSLASH) return Math.min(p + 2, end);
  if (pattern[p] !== OPEN) return p + 1;
  let at = p + 1;
  if (at < end && pattern[at] === CARET) at++;
  while (at < end && pattern[at] !== CLOSE) {
    if (pattern[at] === BACKSLASH && at + 1 < end) at += 2;
    else if (at + 2 < end && pattern[at + 1] === DASH) at += 3;
    else at++;
  }
  return Math.min(at + 1, end);
}

function isWithin(first: number, last: number, byte: number, nocase: boolean): boolean {
  // The ends are ordered before their case is folded, as Redis does: [Z-a] means something else than [a-Z] only there.
  let low = Math.min(signed(first), signed(last));
  let high = Math.max(signed(first), signed(last));
  let value = signed(byte);
  if (nocase) {
    low = lower(low);
    high = lower(high);
    value = lower(value);
  }
  return value >= low && value <= high;
}

/** Redis compares characters, which are signed where it runs: bytes from 0x80 on lie before all others. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function same(a: number, b: number, nocase: boolean): boolean {
  return a === b || (nocase && lower(a) === lower(b));
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
