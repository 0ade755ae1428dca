import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import * as disk from '../../../src/server/persistence/disk.ts';
import { takeLock } from '../../../src/server/persistence/lock-file.ts';

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

  it('creates a file exclusively once', () => {
    expect(disk.createExclusively(at('x'), Buffer.from('1'))).toBe(true);
    expect(disk.createExclusively(at('x'), Buffer.from('2'))).toBe(false);
    expect(read('x')).toBe('1');
    expect(fs.readdirSync(folder)).toEqual(['x']);
  });
});

describe('the lock beside nodes.conf', () => {
  it('is held by one at a time and free after its release', () => {
    const first = takeLock(at('nodes.conf'));
    expect(first).not.toBeNull();
    expect(takeLock(at('nodes.conf'))).toBeNull();
    first?.release();
    const second = takeLock(at('nodes.conf'));
    expect(second).not.toBeNull();
    second?.release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is taken over from a process that is gone, and from one whose id was given away again', () => {
    fs.writeFileSync(at('nodes.conf.lock'), '4194304 1');
    takeLock(at('nodes.conf'))?.release();
    expect(fs.readdirSync(folder)).toEqual([]);
    fs.writeFileSync(at('nodes.conf.lock'), `${process.pid} 1`);
    const lock = takeLock(at('nodes.conf'));
    expect(lock).not.toBeNull();
    lock?.release();
  });

  it.skipIf(process.platform !== 'linux')(
    'is taken over from a process that has ended and not been collected',
    async () => {
      // The shell starts a process and becomes one that never asks what became of it; only then does the process end.
      const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 61'], { stdio: ['ignore', 'pipe', 'ignore'] });
      onTestFinished(() => void parent.kill('SIGKILL'));
      const pid = Number(String(await once(parent.stdout, 'data')));
      await expect.poll(() => fs.readFileSync(`/proc/${parent.pid}/comm`, 'utf8'), { timeout: 10_000 }).toBe('sleep\n');
      process.kill(pid, 'SIGKILL');
      const stat = () => fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
      await expect.poll(() => stat()[0], { timeout: 10_000 }).toBe('Z');
      fs.writeFileSync(at('nodes.conf.lock'), `${pid} ${stat()[19]}`);
      const lock = takeLock(at('nodes.conf'));
      expect(lock).not.toBeNull();
      lock?.release();
    },
  );

  it('is not released by one who lost it', () => {
    const lock = takeLock(at('nodes.conf'));
    fs.writeFileSync(at('nodes.conf.lock'), '1 1');
    lock?.release();
    expect(read('nodes.conf.lock')).toBe('1 1');
  });
});
