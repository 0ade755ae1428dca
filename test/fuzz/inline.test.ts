/* Inline commands: words that are quoted come back, and no line breaks the splitter. */

import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { splitInline } from '../../src/server/protocol/inline.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261123);

function quoted(word: string, prng: Prng): string {
  if (/^[!#-&(-[\]-~]+$/.test(word) && prng.chance(0.5)) return word;
  if (prng.chance(0.3) && !/[\\\0]/.test(word)) return `'${word.replaceAll("'", "\\'")}'`;
  const escaped = [...word].map((char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    if (/[ -~]/.test(char)) return char;
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

test('any words can be said, with quotes', () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 3000; round++) {
    const words = Array.from({ length: 1 + prng.below(5) }, () =>
      Array.from({ length: prng.below(8) }, () =>
        String.fromCharCode(prng.chance(0.7) ? 0x20 + prng.below(0x5f) : prng.below(256)),
      ).join(''),
    );
    const line = words.map((word) => quoted(word, prng)).join(prng.pick([' ', '  ', '\t']));
    expect(splitInline(line), `seed ${SEED}, round ${round}: ${JSON.stringify(line)}`).toEqual(words);
  }
});

test('any line is words, or has quotes that do not balance', () => {
  const prng = new Prng(SEED + 1);
  for (let round = 0; round < 20_000; round++) {
    const line = Array.from({ length: prng.below(12) }, () =>
      prng.pick(['"', "'", '\\', 'x', '4', '1', 'n', ' ', 'a', '\0', '\xff']),
    ).join('');
    const words = splitInline(line);
    if (words === null) expect(line).toMatch(/["']/);
    else expect(words.join('').length).toBeLessThanOrEqual(line.length);
  }
});
