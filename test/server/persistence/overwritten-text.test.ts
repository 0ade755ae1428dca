import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { injectFault, liftFault } from '../../../src/server/persistence/disk-fault.ts';
import { OverwrittenText } from '../../../src/server/persistence/overwritten-text.ts';

let folder: string;
let file: string;
let text: OverwrittenText;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-text-'));
  file = path.join(folder, 'a');
  text = new OverwrittenText(file);
});
afterEach(() => {
  liftFault(folder);
  text.rest();
  fs.rmSync(folder, { recursive: true, force: true });
});

const read = (): string => fs.readFileSync(file, 'latin1');

/** How many descriptors of this process belong to the file. */
function descriptors(): number {
  const { ino } = fs.statSync(file);
  const isOurs = (fd: string): boolean => {
    const stat = fs.statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    return stat !== undefined && stat.ino === ino;
  };
  return fs.readdirSync('/proc/self/fd').filter(isOurs).length;
}

test('it keeps its place on the disk while it fits in a page, and has exactly the new text once it rests', () => {
  fs.writeFileSync(file, 'a first text\n');
  const { ino } = fs.statSync(file);
  for (const rests of [true, false]) {
    for (const next of ['a longer text than before\n', 'short\n', `${'x'.repeat(4095)}\n`, 'y\n', 'p\xe4ssword\n']) {
      text.write(next);
      expect(read().replace(/\n+$/, '\n')).toBe(next);
      if (rests) text.rest();
      if (rests) expect(read()).toBe(next);
      expect(fs.statSync(file).ino).toBe(ino);
    }
  }
  text.rest();
  expect(read()).toBe('p\xe4ssword\n');
  expect(fs.readdirSync(folder)).toEqual(['a']);
});

test('between two changes it stays open, and while it rests it does not', () => {
  fs.writeFileSync(file, 'old\n');
  text.write('one\n');
  text.write('two\n');
  expect(descriptors()).toBe(1);
  text.rest();
  text.rest();
  expect(descriptors()).toBe(0);
});

test('a file that was put in its place is written to after a rest', () => {
  fs.writeFileSync(file, 'old\n');
  text.write('one\n');
  text.rest();
  fs.renameSync(file, path.join(folder, 'moved'));
  fs.writeFileSync(file, 'put here\n');
  text.write('two\n');
  expect(read().trimEnd()).toBe('two');
  expect(fs.readFileSync(path.join(folder, 'moved'), 'latin1')).toBe('one\n');
});

test('it is replaced as a whole when it is not there, or longer than a page before or after', () => {
  for (const next of ['new\n', 'x'.repeat(5000), 'short\n', 'longer\n', 'y'.repeat(4097), 'z\n']) {
    text.write(next);
    expect(read()).toBe(next);
  }
  expect(fs.readdirSync(folder)).toEqual(['a']);
});

test('a disk that takes only a part of the new text leaves the old one, and takes the next when there is room', () => {
  fs.writeFileSync(file, 'the old text\n');
  const fault = injectFault(folder);
  for (const room of [0, 5, 20]) {
    fault.room = room;
    expect(() => text.write('a new text that is longer\n')).toThrow(`write ${file}: No space left on device`);
    expect(read()).toBe('the old text\n');
  }
  fault.room = Number.POSITIVE_INFINITY;
  text.write('new\n');
  text.rest();
  expect(read()).toBe('new\n');
});
