import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { assemble } from '../../scripts/kernel/assemble.ts';
import { MODULE_BASE64 } from '../../src/base/byte-kernel-module.ts';

const SOURCE = new URL('../../src/base/byte-kernel.wat', import.meta.url);

test('the module in the code is made of the text beside it (npm run kernel)', () => {
  expect(Buffer.from(assemble(readFileSync(SOURCE, 'utf8'))).toString('base64')).toBe(MODULE_BASE64);
});

test('the assembler refuses what it does not know', () => {
  const module = (body: string): string => `(module (memory (export "memory") 1) (func $f (param $a i32) ${body}))`;
  expect(() => assemble(module('(i32.div_u (local.get $a) (i32.const 1))'))).toThrow('unknown instruction i32.div_u');
  expect(() => assemble(module('(local.set $b (i32.const 1))'))).toThrow('nothing is named $b');
  expect(() => assemble(module('(block $x (br $y))'))).toThrow('no block $y');
  expect(() => assemble(module('(block $x'))).toThrow('a parenthesis is not closed');
});
