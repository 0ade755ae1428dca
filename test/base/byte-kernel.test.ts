import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import wabt from 'wabt';
import { MODULE_BASE64 } from '../../src/base/byte-kernel-module.ts';

const SOURCE = new URL('../../src/base/byte-kernel.wat', import.meta.url);

test('the module in the code is made of the text beside it (npm run kernel)', async () => {
  const module = (await wabt()).parseWat('byte-kernel.wat', readFileSync(SOURCE, 'utf8'));
  expect(Buffer.from(module.toBinary({}).buffer).toString('base64')).toBe(MODULE_BASE64);
});
