import { expect, test } from 'vitest';
import { KeysAhead } from '../../../src/server/protocol/look-ahead.ts';
import { Request, requestOf } from '../../../src/server/protocol/request.ts';
import { HEADROOM, RequestParser } from '../../../src/server/protocol/request-parser.ts';

const LIMITS = { bulkMax: 2 ** 29, heldMax: 2 ** 30 };

class Windows {
  readonly parser = new RequestParser(new Request(Buffer.alloc(0)), LIMITS);
  readonly #ahead = new KeysAhead();

  /** Reads a window as a connection does; how many looks ahead were worth it, and the requests. */
  read(...commands: string[][]): { looks: number; requests: string[][] } {
    return this.readBytes(Buffer.concat(commands.map((args) => requestOf(args).buf)));
  }

  readBytes(bytes: Buffer): { looks: number; requests: string[][] } {
    const { parser } = this;
    const window = Buffer.concat([Buffer.alloc(HEADROOM), bytes]);
    parser.open(window, HEADROOM, window.length);
    const requests: string[][] = [];
    let looks = 0;
    for (;;) {
      if (parser.lookAhead(this.#ahead)) looks++;
      const request = parser.next();
      if (request === null) break;
      requests.push(
        Array.from({ length: request.argc }, (_, i) =>
          request.buf.toString('latin1', request.off[i]!, request.off[i]! + request.len[i]!),
        ),
      );
    }
    parser.close();
    return { looks, requests };
  }
}

const many = (count: number): string[][] => Array.from({ length: count }, (_, n) => ['SET', `key:${n}`, 'some value']);
const alike = (count: number): string[][] => Array.from({ length: count }, () => ['INCR', 'one and the same counter']);

test('a window of many commands is looked at every sixteen of them, to its end and in every window', () => {
  const windows = new Windows();
  for (let i = 0; i < 3; i++) expect(windows.read(...many(40)).looks).toBe(3);
});

test('after a look in vain fifteen windows are not looked at, and then one is', () => {
  const windows = new Windows();
  expect(windows.read(...alike(40)).looks).toBe(0);
  for (let i = 0; i < 15; i++) expect(windows.read(...many(40)).looks).toBe(0);
  expect(windows.read(...many(40)).looks).toBe(3);
});

test('a window whose last command stands alone was not looked at in vain', () => {
  const windows = new Windows();
  expect(windows.read(...many(16), ['SET', 'key', 'v'.repeat(200)]).looks).toBe(1);
  expect(windows.read(...many(40)).looks).toBe(3);
});

test('lengths of any number of digits are read alike, wherever the window is cut', () => {
  const args = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12_345].map((length) => 'x'.repeat(length));
  const bytes = Buffer.concat([requestOf(args).buf, requestOf(['PING']).buf]);
  for (let cut = 1; cut < bytes.length; cut += cut < 400 ? 1 : 97) {
    const windows = new Windows();
    const requests = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((part) => windows.readBytes(part).requests);
    expect(requests, `cut at ${cut}`).toEqual([args, ['PING']]);
  }
});

test('a length that is no canonical decimal is refused', () => {
  for (const length of ['05', '1x', 'x1', '00', '+1', '1 ', '']) {
    const windows = new Windows();
    windows.readBytes(Buffer.from(`*1\r\n$${length}\r\naaaaa\r\n`));
    expect(windows.parser.error, length).toBe('invalid bulk length');
  }
});
