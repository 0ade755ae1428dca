import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as disk from '../../../src/server/persistence/disk.ts';
import { injectFault, liftFault } from '../../../src/server/persistence/disk-fault.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-disk-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => path.join(folder, name);
const read = (name: string) => fs.readFileSync(at(name), 'latin1');

function failureOf(run: () => void): disk.DiskFailure {
  try {
    run();
  } catch (failure) {
    if (failure instanceof disk.DiskFailure) return failure;
    throw failure;
  }
  throw new Error('nothing failed');
}

describe('a file written atomically', () => {
  it('is the old one until it is committed, and leaves nothing else behind', () => {
    fs.writeFileSync(at('a'), 'old');
    const file = new disk.AtomicFile(at('a'));
    file.write(Buffer.from('xnewx'), 1, 3);
    expect(read('a')).toBe('old');
    file.commit();
    expect(read('a')).toBe('new');
    expect(fs.readdirSync(folder)).toEqual(['a']);
  });

  it('is the old one when it is abandoned', () => {
    fs.writeFileSync(at('a'), 'old');
    const file = new disk.AtomicFile(at('a'));
    file.write(Buffer.from('new'));
    file.abandon();
    expect(read('a')).toBe('old');
    expect(fs.readdirSync(folder)).toEqual(['a']);
  });

  it('says which operation failed on which path and why', () => {
    const failure = failureOf(() => disk.writeFileAtomically(at('no/such/file'), Buffer.from('x'), at('no/such/temp')));
    expect(failure.code).toBe('ENOENT');
    expect(failure.operation).toBe('open');
    expect(failure.path).toBe(at('no/such/temp'));
    expect(failure.message).toBe(`open ${at('no/such/temp')}: No such file or directory`);
  });
});

describe('a file that is appended to', () => {
  it('goes on where it ended, and counts its size', () => {
    fs.writeFileSync(at('log'), '12345');
    const file = new disk.AppendFile(at('log'));
    file.write(Buffer.from('abcdef'), 2, 3);
    file.syncNow();
    expect(file.size).toBe(8);
    file.close();
    expect(read('log')).toBe('12345cde');
  });

  it('tells when a later sync is done, also when it was closed meanwhile', async () => {
    const file = new disk.AppendFile(at('log'));
    file.write(Buffer.from('x'), 0, 1);
    const failure = await new Promise((resolve) => {
      file.syncLater(resolve);
      file.close();
    });
    expect(failure).toBeNull();
  });

  it('reports a full disk in the words of the system and takes a partial write back', () => {
    // Every write to this device fails as on a full disk.
    const file = new disk.AppendFile('/dev/full');
    const failure = failureOf(() => file.write(Buffer.from('x'), 0, 1));
    expect(failure.code).toBe('ENOSPC');
    expect(failure.reason).toBe('No space left on device');
    expect(file.size).toBe(0);
    file.close();
  });
});

describe('reading', () => {
  it('goes through a file in chunks up to its end', () => {
    fs.writeFileSync(at('f'), 'abcdefg');
    const reader = new disk.FileReader(at('f'));
    const chunk = Buffer.alloc(3);
    const pieces: string[] = [];
    for (let got = reader.read(chunk); got > 0; got = reader.read(chunk)) pieces.push(chunk.toString('latin1', 0, got));
    reader.close();
    expect(pieces).toEqual(['abc', 'def', 'g']);
  });

  it('refuses a small file that is not small, and a folder', () => {
    fs.writeFileSync(at('f'), 'abcdefg');
    expect(disk.readSmallFile(at('f'), 7).toString()).toBe('abcdefg');
    expect(failureOf(() => disk.readSmallFile(at('f'), 6)).code).toBe('EFBIG');
    expect(failureOf(() => new disk.FileReader(folder)).code).toBe('EINVAL');
  });

  it('tells files, folders and nothing apart', () => {
    fs.writeFileSync(at('f'), 'abc');
    expect([disk.sizeOf(at('f')), disk.sizeOf(at('g')), disk.fileExists(at('g'))]).toEqual([3, -1, false]);
    expect([disk.folderExists(folder), disk.folderExists(at('f')), disk.folderExists(at('g'))]).toEqual([
      true,
      false,
      false,
    ]);
    disk.remove(at('f'));
    disk.remove(at('f'));
    expect(disk.fileExists(at('f'))).toBe(false);
  });

  it('an empty file is created where there is none, and one that is there is left as it is', () => {
    disk.createEmpty(at('x'));
    expect([read('x'), disk.identityOf(at('y'))]).toEqual(['', null]);
    fs.writeFileSync(at('x'), '1');
    const before = disk.identityOf(at('x'));
    disk.createEmpty(at('x'));
    expect([read('x'), disk.identityOf(at('x'))]).toEqual(['1', before]);
    expect(failureOf(() => disk.createEmpty(at('no/x'))).code).toBe('ENOENT');
  });
});

describe('a file without a name', () => {
  it('is read by several at once, also behind its release, and leaves nothing in its folder', () => {
    const file = new disk.UnnamedFile(folder);
    expect(fs.readdirSync(folder)).toEqual([]);
    file.write(Buffer.from('abcdefg'));
    const one = file.chunks(3);
    const two = file.chunks(5);
    expect([String(one.next().value), String(two.next().value)]).toEqual(['abc', 'abcde']);
    file.release();
    expect(Array.from(one, String)).toEqual(['def', 'g']);
    two.return(undefined);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

it('a file is synced in the thread pool under the name that it has, and a failure has a name', async () => {
  disk.writeFileAtomically(at('later'), Buffer.from('here'));
  const sync = (name: string): Promise<disk.DiskFailure | null> =>
    new Promise((resolve) => disk.syncLater(at(name), resolve));
  expect(await sync('later')).toBeNull();
  expect((await sync('missing'))?.message).toBe(`open ${at('missing')}: No such file or directory`);
  injectFault(folder).syncFails = true;
  const failure = await sync('later');
  liftFault(folder);
  expect(failure?.message).toBe(`fdatasync ${at('later')}: Input/output error`);
});
