import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { areUtf8, bytesOf, fromByteText, pathOf, toByteText } from '../../src/base/byte-text.ts';

test('an ordinary string comes back from its bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(fromByteText(toByteText(text))).toBe(text);
      expect(bytesOf(toByteText(text))).toEqual(Buffer.from(text));
    }),
  );
});

test('a path is a string where a string can say it, and bytes where none can', () => {
  expect(pathOf('/a/b')).toBe('/a/b');
  expect(pathOf('/\xc3\xa9')).toBe('/é');
  expect(pathOf('/\xff')).toEqual(Buffer.from([0x2f, 0xff]));
});

test('words that are no UTF-8 are found', () => {
  expect(areUtf8(['a', '\xc3\xa9'])).toBe(true);
  expect(areUtf8(['a', '\xe9'])).toBe(false);
});

test('a process learns the bytes of its command line, and works in a folder whose name is no UTF-8', () => {
  const outside = mkdtempSync(join(tmpdir(), 'rkv-bytes-'));
  onTestFinished(() => rmSync(outside, { recursive: true }));
  const folder = Buffer.concat([Buffer.from(`${outside}/`), Buffer.from([0x64, 0xff, 0xe9])]);
  mkdirSync(folder);
  const source = join(import.meta.dirname, '../../src/base/byte-text.ts');
  const script = join(outside, 'script.ts');
  writeFileSync(
    script,
    `import * as text from ${JSON.stringify(source)};
     const words = text.argumentBytes(process.argv.slice(2));
     text.enterFolder(words[0]);
     console.log(JSON.stringify([words, text.workingFolder(), text.absolutePath('x')]));`,
  );
  // Only a shell can give such words.
  const words = '"$(printf \'%s/d\\377\\351\' "$1")" "$(printf \'\\303\\251\')" \'\'';
  const { stdout } = spawnSync('sh', ['-c', `"$0" --no-warnings "$2" ${words}`, process.execPath, outside, script]);
  const known = `${outside}/d\xff\xe9`;
  expect(JSON.parse(String(stdout))).toEqual([[known, '\xc3\xa9', ''], known, `${known}/x`]);
});
