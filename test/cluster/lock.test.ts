import { existsSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeLock } from '../../src/cluster/lock.ts';
import { makeHome } from './servers.ts';

test('a lock has one owner at a time, who is named to the others', () => {
  const file = join(makeHome(), 'deep', 'a.lock');
  const lock = takeLock(file, 'cluster create a');
  expect(() => takeLock(file, 'cluster stop a')).toThrow('another command is changing this cluster');
  try {
    takeLock(file, 'again');
  } catch (error) {
    expect(error).toMatchObject({
      code: 'LOCKED',
      exit: 6,
      why: `process ${process.pid} holds the lock: cluster create a`,
    });
  }
  lock.release();
  expect(existsSync(file)).toBe(false);
  takeLock(file, 'cluster stop a').release();
});

test('a lock whose owner is dead is taken over, as is a file of that name', () => {
  const file = join(makeHome(), 'a.lock');
  for (const left of [`${process.pid} 1 a process that had this pid before`, '']) {
    if (left === '') writeFileSync(file, left);
    else symlinkSync(left, file);
    const lock = takeLock(file, 'cluster start a');
    expect(readlinkSync(file)).toMatch(/ cluster start a$/);
    lock.release();
  }
});

test('a home that cannot be written is told with the reason of the system', () => {
  const file = join(makeHome(), 'file');
  writeFileSync(file, '');
  expect(() => takeLock(join(file, 'a.lock'), 'x')).toThrow('cannot be used');
});

test('a home below /proc is refused at once', () => {
  expect(() => takeLock('/proc/nowhere/a.lock', 'cluster create a')).toThrow('the folder /proc/nowhere cannot be used');
});
