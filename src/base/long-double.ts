/*
 * INCRBYFLOAT and HINCRBYFLOAT add in C's long double, which on x86 has 64 bits of mantissa, and print with "%.17Lf" less
 * the zeros at the end. JavaScript has no such number; here it is an exact fraction, rounded where the processor
 * rounds: once per operand read, once per sum. So 1000000 + 0.1 shows the same crumbs as on Redis.
 */

/** mantissa * 2^exponent; the mantissa has at most 64 bits and carries the sign. */
interface LongDouble {
  mantissa: bigint;
  exponent: number;
}

const MANTISSA_BITS = 64;
/** The largest finite long double is just below 2^16384. */
const EXPONENT_MAX = 16384;
const FRACTION_DIGITS = 17;
const ONE = 10n ** BigInt(FRACTION_DIGITS);
/** Redis reads at most this many characters as one of its numbers. */
const TEXT_LENGTH_MAX = 5 * 1024;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/** Whether Redis takes the text as a number at all. Infinities are numbers, but nothing can be added to them. */
export function isLongDouble(text: string): boolean {
  return INFINITE.test(text) || parse(text) !== null;
}

export function isInfinite(text: string): boolean {
  return INFINITE.test(text);
}

/** a + b as INCRBYFLOAT stores it, or null when either is not a finite number or the sum is none. */
export function addDecimal(a: string, b: string): string | null {
  const left = parse(a);
  const right = parse(b);
  if (left === null || right === null) return null;
  const sum = add(left, right);
  return bitLength(sum.mantissa) + sum.exponent > EXPONENT_MAX ? null : format(sum);
}

function parse(text: string): LongDouble | null {
  if (text.length > TEXT_LENGTH_MAX) return null;
  const found = DECIMAL.exec(text);
  if (found === null) return parseHexadecimal(text);
  const whole = found[2] ?? '';
  const fraction = found[3] ?? '';
  if (whole.length + fraction.length === 0) return null;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { mantissa: 0n, exponent: 0 };
  const power = Number(found[4] ?? 0) - fraction.length;
  // 4933 is the decimal exponent of the largest number; what is too small for the smallest is out of range as well.
  const magnitude = power + `${digits}`.length;
  if (magnitude > 4933 || magnitude < -4932) return null;
  const value = power >= 0 ? round(digits * 10n ** BigInt(power), 1n) : round(digits, 10n ** BigInt(-power));
  if (bitLength(value.mantissa) + value.exponent > EXPONENT_MAX) return null;
  return found[1] === '-' ? { mantissa: -value.mantissa, exponent: value.exponent } : value;
}

/** 0x1.8p3, as C reads it. */
function parseHexadecimal(text: string): LongDouble | null {
  const found = HEXADECIMAL.exec(text);
  if (found === null) return null;
  const fraction = found[3] ?? '';
  const digits = `${found[2]}${fraction}`;
  if (digits === '') return null;
  const { mantissa, exponent } = round(BigInt(`0x${digits}`), 1n);
  if (mantissa === 0n) return { mantissa, exponent: 0 };
  const power = exponent + Number(found[4] ?? 0) - 4 * fraction.length;
  const magnitude = bitLength(mantissa) + power;
  if (magnitude > EXPONENT_MAX || magnitude < -EXPONENT_MAX) return null;
  return { mantissa: found[1] === '-' ? -mantissa : mantissa, exponent: power };
}

function add(a: LongDouble, b: LongDouble): LongDouble {
  const exponent = Math.min(a.exponent, b.exponent);
  const mantissa = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  const size = round(mantissa < 0n ? -mantissa : mantissa, 1n);
  return { mantissa: mantissa < 0n ? -size.mantissa : size.mantissa, exponent: size.exponent + exponent };
}

/** The fraction with a mantissa of 64 bits, to nearest, ties to even. */
function round(numerator: bigint, denominator: bigint): LongDouble {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  let exponent = bitLength(numerator) - bitLength(denominator) - MANTISSA_BITS;
  // The quotient has 64 or 65 bits; of the 65 the last must go before it is rounded, not after.
  if (bitLength(scaled(numerator, denominator, exponent).quotient) > MANTISSA_BITS) exponent++;
  const { quotient, rest, divisor } = scaled(numerator, denominator, exponent);
  return { mantissa: nearest(quotient, rest, divisor), exponent };
}

/** numerator / (denominator * 2^exponent) in whole numbers. */
function scaled(
  numerator: bigint,
  denominator: bigint,
  exponent: number,
): { quotient: bigint; rest: bigint; divisor: bigint } {
  const dividend = exponent < 0 ? numerator << BigInt(-exponent) : numerator;
  const divisor = exponent > 0 ? denominator << BigInt(exponent) : denominator;
  return { quotient: dividend / divisor, rest: dividend % divisor, divisor };
}

function nearest(quotient: bigint, rest: bigint, divisor: bigint): bigint {
  const twice = rest * 2n;
  return twice > divisor || (twice === divisor && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

function format({ mantissa, exponent }: LongDouble): string {
  const negative = mantissa < 0n;
  const size = negative ? -mantissa : mantissa;
  const { quotient, rest, divisor } = scaled(size * ONE, 1n, -exponent > 0 ? -exponent : 0);
  const units = exponent > 0 ? (size * ONE) << BigInt(exponent) : nearest(quotient, rest, divisor);
  const fraction = `${units % ONE}`.padStart(FRACTION_DIGITS, '0').replace(/0+$/, '');
  const text = fraction === '' ? `${units / ONE}` : `${units / ONE}.${fraction}`;
  // What rounds away to zero loses its sign, as in Redis.
  return negative && text !== '0' ? `-${text}` : text;
}

function bitLength(n: bigint): number {
  const hex = (n < 0n ? -n : n).toString(16);
  return n === 0n ? 0 : hex.length * 4 - Math.clz32(Number.parseInt(hex.slice(0, 1), 16)) + 28;
}
