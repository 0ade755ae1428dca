import { expect, test } from 'vitest';
import { Call } from '../../../src/server/command/call.ts';
import { SYNTAX } from '../../../src/server/command/errors.ts';
import { readOptions } from '../../../src/server/command/options.ts';
import { requestOf } from '../../../src/server/protocol/request.ts';

const TABLE = {
  NX: { values: 0, not: ['XX'] },
  XX: { values: 0, not: ['NX'] },
  EX: { values: 1, not: ['PX'] },
  PX: { values: 1, not: ['EX'] },
  LIMIT: { values: 2 },
} as const;

/** Options from the third word on. */
function read(...words: string[]): unknown {
  const call = new Call();
  const request = requestOf(['CMD', 'key', ...words]);
  call.request = request;
  call.buf = request.buf;
  call.argc = request.argc;
  try {
    return readOptions(TABLE, call, 2);
  } catch (error) {
    return error;
  }
}

test('words are found in any case, with the place of their first value', () => {
  expect(read()).toEqual({});
  expect(read('nX')).toEqual({ NX: 2 });
  expect(read('EX', '10', 'NX')).toEqual({ EX: 3, NX: 4 });
  expect(read('LIMIT', '0', '5', 'xx')).toEqual({ LIMIT: 3, XX: 5 });
});

test('the last of repeated words counts', () => {
  expect(read('EX', '1', 'EX', '2')).toEqual({ EX: 5 });
});

test('what is unknown, incomplete or excluded is a syntax error', () => {
  for (const words of [
    ['NO'],
    [''],
    ['NXX'],
    ['EX'],
    ['LIMIT', '0'],
    ['NX', 'XX'],
    ['EX', '1', 'PX', '2'],
    ['NX', 'EX'],
  ]) {
    expect(read(...words), words.join(' ')).toBe(SYNTAX);
  }
});
