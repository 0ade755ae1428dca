/*
 * A typed line becomes the words of a command, with the quoting of redis-cli: "…" knows \n \r \t \a \b \xHH, '…' knows
 * only \'. Words are bytes, because "\xff" must arrive as one byte; the line is a byte text (base/byte-text.ts).
 */

import { bytesOf } from '../../base/byte-text.ts';

/** Null for a line whose quotes do not close, or go on directly after closing. */
export function splitWords(line: string): Buffer[] | null {
  const bytes = bytesOf(line);
  const words: Buffer[] = [];
  let at = skipBlanks(bytes, 0);
  while (at < bytes.length) {
    const read = readWord(bytes, at);
    if (read === null) return null;
    words.push(Buffer.from(read.word));
    at = skipBlanks(bytes, read.end);
  }
  return words;
}

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;

const ESCAPES: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, a: 0x07, b: 0x08 };

function readWord(bytes: Buffer, start: number): { word: number[]; end: number } | null {
  const word: number[] = [];
  let at = start;
  while (at < bytes.length && !isBlank(bytes[at])) {
    const byte = bytes[at] as number;
    if (byte !== QUOTE && byte !== APOSTROPHE) {
      word.push(byte);
      at++;
      continue;
    }
    const end = byte === QUOTE ? readDouble(bytes, at + 1, word) : readSingle(bytes, at + 1, word);
    // A closing quote ends the word: "a"b is a mistake that would otherwise send something nobody meant.
    if (end === null || (end < bytes.length && !isBlank(bytes[end]))) return null;
    return { word, end };
  }
  return { word, end: at };
}

/** Appends what stands between double quotes; answers the position after the closing one, or null without one. */
function readDouble(bytes: Buffer, start: number, word: number[]): number | null {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH || at + 1 >= bytes.length) {
      word.push(byte);
      continue;
    }
    const hex = /^x([0-9a-f]{2})/i.exec(bytes.toString('latin1', at + 1, at + 4));
    if (hex !== null) {
      word.push(Number.parseInt(hex[1] as string, 16));
      at += 3;
      continue;
    }
    at++;
    const escaped = bytes[at] as number;
    word.push(ESCAPES[String.fromCharCode(escaped)] ?? escaped);
  }
  return null;
}

function readSingle(bytes: Buffer, start: number, word: number[]): number | null {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === APOSTROPHE) return at + 1;
    if (byte === BACKSLASH && bytes[at + 1] === APOSTROPHE) {
      word.push(APOSTROPHE);
      at++;
    } else {
      word.push(byte);
    }
  }
  return null;
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && isBlank(bytes[at])) at++;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d) || byte === 0;
}
