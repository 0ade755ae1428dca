import { expect, test } from 'vitest';
import { AssertionFailure, assert } from '../../src/base/assert.ts';
import { Logger } from '../../src/base/log.ts';

function logger(level: 'debug' | 'verbose' | 'notice' | 'warning' | 'nothing'): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const now_ms = new Date(2024, 2, 5, 7, 8, 9, 45).getTime();
  const log = new Logger({ level, sink: (line) => lines.push(line), now_ms: () => now_ms, role: () => 'M', pid: 42 });
  return { log, lines };
}

test('a line has the form of redis-server', () => {
  const { log, lines } = logger('debug');
  log.debug('a');
  log.verbose('b');
  log.notice('c');
  log.warning('d');
  expect(lines).toEqual(['. a', '- b', '* c', '# d'].map((rest) => `42:M 05 Mar 2024 07:08:09.045 ${rest}`));
});

test('lines below the level are dropped, and the level may change', () => {
  const { log, lines } = logger('warning');
  log.notice('dropped');
  log.level = 'verbose';
  log.debug('dropped');
  log.verbose('kept');
  log.level = 'nothing';
  log.warning('dropped');
  expect(lines.map((line) => line.slice(-4))).toEqual(['kept']);
  expect([log.shows('warning'), logger('debug').log.shows('debug')]).toEqual([false, true]);
});

test('assert throws an AssertionFailure with the message', () => {
  expect(() => assert(0 === Number('1'), 'zero is one')).toThrow(AssertionFailure);
  expect(() => assert(0 === Number('1'), 'zero is one')).toThrow('zero is one');
  assert(true, 'never thrown');
});
