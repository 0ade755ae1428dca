/*
 * How a line of a configuration file falls into words, and how a word is written so that it is read back the same.
 *
 * Words are separated by blanks. "Double quotes" know \n \r \t \b \a, \xHH for one byte, and \ before anything else; in
 * 'single quotes' only \' is special. Lines and words are byte texts: what is no ASCII means nothing here.
 */

import { bytesOf } from '../base/byte-text.ts';

/** The words of a line, or null when a quote is left open or something sticks to a closing quote. */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let at = skipBlanks(line, 0);
  while (at < line.length) {
    const word = readWord(line, at);
    if (word === null) return null;
    words.push(word.text);
    at = skipBlanks(line, word.end);
  }
  return words;
}

/** The word in double quotes, all but printable ASCII escaped: how CONFIG REWRITE writes texts. */
export function quoteWord(word: string): string {
  let quoted = '"';
  for (const byte of bytesOf(word)) {
    const short = ESCAPES.get(byte);
    if (short !== undefined) quoted += `\\${short}`;
    else if (byte >= 0x20 && byte <= 0x7e) quoted += String.fromCharCode(byte);
    else quoted += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `${quoted}"`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x5c, '\\'],
  [0x22, '"'],
  [0x0a, 'n'],
  [0x0d, 'r'],
  [0x09, 't'],
  [0x07, 'a'],
  [0x08, 'b'],
]);
const UNESCAPED: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['a', '\x07'],
  ['b', '\b'],
]);

/** What a line of a file is freed of at both ends. Letters beyond ASCII have bytes that JavaScript would take for blanks. */
export function trimLine(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && isLineBlank(line[start]!)) start++;
  while (end > start && isLineBlank(line[end - 1]!)) end--;
  return line.slice(start, end);
}

function isLineBlank(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

interface Word {
  text: string;
  end: number;
}

/** Quotes may open in the middle of a word, but a closing one ends it. */
function readWord(line: string, start: number): Word | null {
  let text = '';
  let at = start;
  while (at < line.length && !isBlank(line[at]!) && line[at] !== '\0') {
    const quote = line[at]!;
    if (quote !== '"' && quote !== "'") {
      text += quote;
      at++;
      continue;
    }
    const rest = quote === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
    if (rest === null || (rest.end < line.length && !isBlank(line[rest.end]!))) return null;
    return { text: text + rest.text, end: rest.end };
  }
  return { text, end: at < line.length && line[at] === '\0' ? line.length : at };
}

function readDoubleQuoted(line: string, start: number): Word | null {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const char = line[at]!;
    if (char === '"') return { text, end: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      text += char;
      continue;
    }
    const hex = /^x([0-9a-f]{2})/i.exec(line.slice(at + 1, at + 4));
    if (hex === null) {
      const next = line[++at]!;
      text += UNESCAPED.get(next) ?? next;
    } else {
      text += String.fromCharCode(Number.parseInt(hex[1]!, 16));
      at += 3;
    }
  }
  return null;
}

function readSingleQuoted(line: string, start: number): Word | null {
  let text = '';
  for (let at = start; at < line.length; at++) {
    if (line[at] === "'") return { text, end: at + 1 };
    if (line[at] === '\\' && line[at + 1] === "'") at++;
    text += line[at]!;
  }
  return null;
}

function skipBlanks(line: string, start: number): number {
  let at = start;
  while (at < line.length && isBlank(line[at]!)) at++;
  return at;
}

function isBlank(char: string): boolean {
  return char === ' ' || (char >= '\t' && char <= '\r');
}
