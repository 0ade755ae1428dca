/*
 * The request parser against a parser that could not be simpler: it has all bytes at once. Whatever arrives, in whatever
 * pieces, both must find the same commands and the same error; and nothing may make the parser throw or run for ever.
 */

import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { splitInline } from '../../src/server/protocol/inline.ts';
import { Request } from '../../src/server/protocol/request.ts';
import { HEADROOM, RequestParser } from '../../src/server/protocol/request-parser.ts';

interface Read {
  commands: string[][];
  error: string;
}

const BULK_MAX = 1 << 20;

/** What the whole of `bytes` means. */
function readSimply(bytes: string): Read {
  const commands: string[][] = [];
  let at = 0;
  const number = (text: string, max: number): number =>
    /^(0|-?[1-9]\d{0,17})$/.test(text) && Number(text) <= max ? Number(text) : Number.NaN;
  const line = (): string | null => {
    const end = bytes.indexOf('\r', at);
    if (end < 0 || end + 1 >= bytes.length) return null;
    const text = bytes.slice(at, end);
    at = end + 2;
    return text;
  };
  while (at < bytes.length) {
    if (bytes[at] !== '*') {
      const newline = bytes.indexOf('\n', at);
      if (newline < 0) break;
      const words = splitInline(bytes.slice(at, newline).replace(/\r$/, ''));
      if (words === null) return { commands, error: 'unbalanced quotes in request' };
      at = newline + 1;
      if (words.length > 0) commands.push(words);
      continue;
    }
    at++;
    const header = line();
    if (header === null) break;
    const count = number(header, 2 ** 31 - 1);
    if (Number.isNaN(count)) return { commands, error: 'invalid multibulk length' };
    const words: string[] = [];
    while (words.length < count) {
      if (at >= bytes.length) return { commands, error: '' };
      if (bytes[at] !== '$') {
        const lineEnd = bytes.indexOf('\r', at);
        if (lineEnd < 0 || lineEnd + 1 >= bytes.length) return { commands, error: '' };
        const shown = (bytes[at] as string).replace(/[\r\n]/, ' ');
        return { commands, error: shown === '\0' ? "expected '$', got '" : `expected '$', got '${shown}'` };
      }
      at++;
      const text = line();
      if (text === null) return { commands, error: '' };
      const length = number(text, BULK_MAX);
      if (Number.isNaN(length) || length < 0) return { commands, error: 'invalid bulk length' };
      if (at + length + 2 > bytes.length) return { commands, error: '' };
      words.push(bytes.slice(at, at + length));
      at += length + 2;
    }
    if (count > 0) commands.push(words);
  }
  return { commands, error: '' };
}

const WINDOW = Buffer.alloc(HEADROOM + 256 * 1024);

/** The parser under test, fed in pieces; a piece never exceeds what one read of a socket brings. */
function readInPieces(bytes: Buffer, nextSize: () => number): Read {
  const parser = new RequestParser(new Request(Buffer.alloc(0)), { bulkMax: BULK_MAX, heldMax: 64 << 20 });
  const commands: string[][] = [];
  for (let at = 0; at < bytes.length && parser.error === ''; ) {
    const size = Math.min(nextSize(), bytes.length - at, 64 * 1024);
    bytes.copy(WINDOW, HEADROOM, at, at + size);
    parser.open(WINDOW, HEADROOM, HEADROOM + size);
    for (let request = parser.next(); request !== null; request = parser.next()) {
      // A value may keep the buffer of a request that owns it: never the one that others read into.
      if (request.owned && request.buf === WINDOW) throw new Error('a request owns the buffer that others read into');
      const words: string[] = [];
      for (let i = 0; i < request.argc; i++) {
        const off = request.off[i] as number;
        words.push(request.buf.latin1Slice(off, off + (request.len[i] as number)));
      }
      commands.push(words);
    }
    parser.close();
    // What the parser was lent is not its own: later reads overwrite it.
    WINDOW.fill(0xee, 0, HEADROOM + size);
    at += size;
  }
  return { commands, error: parser.error };
}

function word(prng: Prng): string {
  const lengths = [0, 1, 3, 9, 10, 11, 99, 100, 1000, 5000, HEADROOM - 40, HEADROOM, HEADROOM + 40, 70_000];
  const length = prng.chance(0.9) ? prng.below(20) : prng.pick(lengths);
  return Array.from({ length: Math.min(length, 64) }, () => String.fromCharCode(prng.below(256)))
    .join('')
    .padEnd(length, 'x\r\n$1*');
}

const multibulk = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;

function validCommand(prng: Prng): string {
  const kind = prng.below(10);
  if (kind === 0) return prng.pick(['\r\n', '*0\r\n', '*-1\r\n', '\n', '   \r\n']);
  if (kind === 1) return `PING ${prng.below(1000)}${prng.pick(['\r\n', '\n'])}`;
  if (kind === 2) return `SET "a b\\x4${prng.below(10)}" 'c d'\r\n`;
  return multibulk(Array.from({ length: 1 + prng.below(prng.chance(0.05) ? 200 : 6) }, () => word(prng)));
}

const SIZES: readonly ((prng: Prng) => number)[] = [
  () => 1,
  (prng) => 1 + prng.below(3),
  (prng) => 1 + prng.below(200),
  (prng) => 1 + prng.below(70_000),
  () => 64 * 1024,
];

const SEED = Number(process.env.RKV_SEED ?? 20261123);

test('commands are the same in whatever pieces they arrive', () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 1 + prng.below(12) }, () => validCommand(prng)).join('');
    const bytes = Buffer.from(text, 'latin1');
    // Byte by byte is slow for much, and says nothing more then.
    const size = prng.pick(bytes.length > 20_000 ? SIZES.slice(2) : SIZES);
    expect(
      readInPieces(bytes, () => size(prng)),
      `seed ${SEED}, round ${round}`,
    ).toEqual(readSimply(text));
  }
});

test('garbage is refused, or means the same, in whatever pieces it arrives', () => {
  const prng = new Prng(SEED + 1);
  const crumbs = [
    '*',
    '$',
    '\r\n',
    '\r',
    '\n',
    '1',
    '2',
    '3',
    '-1',
    '0',
    '01',
    ' ',
    '"',
    "'",
    '\\x41',
    'a',
    'PING',
    '*1\r\n$4\r\nPING\r\n',
    '\xff',
    '\0',
    '*2\r\n$1\r\na\r\n',
  ];
  for (let round = 0; round < 4000; round++) {
    const text = Array.from({ length: 1 + prng.below(24) }, () => prng.pick(crumbs)).join('');
    const bytes = Buffer.from(text, 'latin1');
    const size = prng.pick(SIZES);
    expect(
      readInPieces(bytes, () => size(prng)),
      `seed ${SEED}, round ${round}: ${JSON.stringify(text)}`,
    ).toEqual(readSimply(text));
  }
});

test('a right command with one wrong byte is refused, or means the same, in whatever pieces it arrives', () => {
  const prng = new Prng(SEED + 2);
  for (let round = 0; round < 1000; round++) {
    const bytes = Buffer.from(
      Array.from({ length: 1 + prng.below(4) }, () => validCommand(prng).slice(0, 3000)).join(''),
      'latin1',
    );
    for (let i = 0; i < 3; i++)
      bytes[prng.below(bytes.length)] = prng.pick([0x0a, 0x0d, 0x24, 0x2a, 0x30, 0x39, 0x2d, prng.below(256)]);
    const size = prng.pick(SIZES);
    const text = bytes.toString('latin1');
    expect(
      readInPieces(bytes, () => size(prng)),
      `seed ${SEED}, round ${round}`,
    ).toEqual(readSimply(text));
  }
});
