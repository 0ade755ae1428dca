/*
 * Passwords, names and paths are bytes, and need not be UTF-8; a string of JavaScript cannot hold such bytes as it holds
 * letters. So inside the server and its configuration every text that comes from outside is a *byte text*: a string of
 * which each character is one byte (latin1). Nothing is lost, comparing and splitting work as on any string, and
 * the protocol reads and writes it as it is (docs/decisions/0041). What is an ordinary string elsewhere is turned into
 * one, and back, at the edges, and by these functions.
 */
import { isUtf8 } from 'node:buffer';
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';

/** What stands where bytes were no UTF-8 and somebody has read them as if they were. */
const REPLACEMENT = '\ufffd';

/** An ordinary string, as the bytes of its UTF-8. */
export function toByteText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').latin1Slice();
}

/** For people, and for programs that work with ordinary strings; bytes that are no UTF-8 are lost. */
export function fromByteText(text: string): string {
  return isAscii(text) ? text : bytesOf(text).toString('utf8');
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The path as Node's functions on files take it. A string where one can say it, because all of them take strings. */
export function pathOf(text: string): string | Buffer {
  if (isAscii(text)) return text;
  const bytes = bytesOf(text);
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

export function workingFolder(): string {
  const folder = process.cwd();
  return isNotUtf8(folder) ? readlinkSync('/proc/self/cwd', 'latin1') : toByteText(folder);
}

/** A relative path means a file in the folder where the process works. */
export function absolutePath(text: string): string {
  return text.startsWith('/') ? resolve(text) : resolve(workingFolder(), text);
}

/** process.chdir takes strings only; the folder that a descriptor stands for can be said in ASCII. */
export function enterFolder(text: string): void {
  const folder = pathOf(text);
  if (typeof folder === 'string') return process.chdir(folder);
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    process.chdir(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/** The last words of this process' command line as they were given; Node has read them as UTF-8. */
export function argumentBytes(argv: readonly string[]): string[] {
  if (argv.some(isNotUtf8)) {
    const given = wordsOfProcess();
    if (given.length >= argv.length) return given.slice(given.length - argv.length);
  }
  return argv.map(toByteText);
}

/** Whether ordinary strings can say them: Node starts no process with other words. */
export function areUtf8(words: readonly string[]): boolean {
  return words.every((word) => isUtf8(bytesOf(word)));
}

/** A string that somebody has read as UTF-8, and that was none. */
export function isNotUtf8(text: string): boolean {
  return text.includes(REPLACEMENT);
}

function wordsOfProcess(): string[] {
  try {
    return readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
