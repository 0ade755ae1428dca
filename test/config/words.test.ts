import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteWord, splitWords, trimLine } from '../../src/config/words.ts';

test('a line falls into words at blanks, outside of quotes', () => {
  const rows: [string, string[] | null][] = [
    ['', []],
    ['   ', []],
    ['port 6379', ['port', '6379']],
    ['  a\t b  ', ['a', 'b']],
    ['a "" \'\'', ['a', '', '']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ['a "b\\"c\\\\" ', ['a', 'b"c\\']],
    ['a "\\n\\r\\t\\a\\b\\q"', ['a', '\n\r\t\x07\bq']],
    ['a "\\x41\\x0a\\xzz"', ['a', 'A\nxzz']],
    ["a 'b\\'c\\n'", ['a', "b'c\\n"]],
    ['a b"c"', ['a', 'bc']],
    // Lines are byte texts: this é is the one byte e9, and so no letter of UTF-8.
    ['a "\\xc3\\xa9" é', ['a', '\xc3\xa9', '\xe9']],
    ['a\xa0b \x85', ['a\xa0b', '\x85']],
    ['a "b', null],
    ["a 'b", null],
    ['a "b"c', null],
    ["a 'b'c", null],
    ['a "b\\', null],
  ];
  for (const [line, words] of rows) expect(splitWords(line), line).toEqual(words);
});

test('a quoted word is read back as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array(), { maxLength: 4 }), (some) => {
      const words = some.map((bytes) => Buffer.from(bytes).toString('latin1'));
      expect(splitWords(words.map(quoteWord).join(' '))).toEqual(words);
    }),
  );
  expect(quoteWord('\xc3\xa9\xff\n"\\ ~\x7f')).toBe('"\\xc3\\xa9\\xff\\n\\"\\\\ ~\\x7f"');
});

test('a line loses blanks at its ends, and no byte of a letter', () => {
  expect(trimLine(' \tdir /data/\xc3\xa0 \r')).toBe('dir /data/\xc3\xa0');
  expect(trimLine(' \r\n')).toBe('');
});
