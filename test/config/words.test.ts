import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteWord, splitWords } from '../../src/config/words.ts';

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
    ['a "\\xc3\\xa9" é', ['a', 'é', 'é']],
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
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }), (words) => {
      expect(splitWords(words.map(quoteWord).join(' '))).toEqual(words.map((word) => word.toWellFormed()));
    }),
  );
  expect(quoteWord('é\n"\\ ~\x7f')).toBe('"\\xc3\\xa9\\n\\"\\\\ ~\\x7f"');
});
