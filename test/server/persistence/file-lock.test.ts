import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Claims, InUse } from '../../../src/server/persistence/claims.ts';
import { holderOf, lockFile } from '../../../src/server/persistence/file-lock.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-lock-'));
  file = path.join(folder, 'dump.rdb');
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const MODULE = path.join(import.meta.dirname, '../../../src/server/persistence/file-lock.ts');

/** A process that says whether it got the lock of the file, and then stays. */
async function holder(command: readonly string[] = []): Promise<{ child: ChildProcess; got: boolean }> {
  const script =
    `import { lockFile } from ${JSON.stringify(MODULE)};` +
    `globalThis.lock = lockFile(${JSON.stringify(file)});` +
    `console.log(globalThis.lock !== null); setInterval(() => {}, 1000);`;
  const [program, ...args] = [...command, process.execPath, '--input-type=module', '-e', script];
  const child = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout!, 'data');
  return { child, got: String(said) === 'true\n' };
}

describe('the lock of a file', () => {
  it('is held by one at a time in a process, and leaves nothing behind', () => {
    const first = lockFile(file);
    expect([lockFile(file), lockFile(file), holderOf(file)]).toEqual([null, null, ', of this process']);
    first?.release();
    const second = lockFile(file);
    expect(second).not.toBeNull();
    expect(lockFile(file)).toBeNull();
    second?.release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is held against other processes, and ends with its own, however that ends', async () => {
    const { child, got } = await holder();
    expect([got, lockFile(file), holderOf(file)]).toEqual([true, null, `, process ${child.pid}`]);
    child.kill('SIGSTOP');
    expect(lockFile(file)).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = lockFile(file);
    expect(lock).not.toBeNull();
    expect((await holder()).got).toBe(false);
    lock?.release();
  });

  const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;
  it.skipIf(!canUnshare)('is held against a process that counts process ids by itself, as in a container', async () => {
    const lock = lockFile(file);
    const inside = ['unshare', '--pid', '--fork', '--kill-child'];
    expect((await holder(inside)).got).toBe(false);
    lock?.release();
    const { child, got } = await holder(inside);
    expect([got, lockFile(file)]).toEqual([true, null]);
    child.kill('SIGKILL');
    await expect.poll(() => lockFile(file) !== null, { timeout: 10_000 }).toBe(true);
  });

  it('does not mind what lies under its name, be it empty, or what earlier versions wrote there', () => {
    for (const left of ['', '4711 1234', 'x'.repeat(5000)]) {
      fs.writeFileSync(`${file}.lock`, left);
      const lock = lockFile(file);
      expect([left, lock === null]).toEqual([left, false]);
      lock?.release();
    }
  });

  it('cannot be had in a folder that is not there', () => {
    file = path.join(folder, 'no', 'dump.rdb');
    expect(() => lockFile(file)).toThrow('No such file or directory');
  });
});

describe('a claim', () => {
  it('removes what a process that is gone was writing, and nothing else', () => {
    const others = ['dump.rdb', 'temp-save-other.rdb', 'temp-1.rdb', 'x-temp-save-dump.rdb'];
    for (const name of [...others, 'temp-save-dump.rdb', 'temp-bgsave-dump.rdb', 'temp-pid1-dump.rdb']) {
      fs.writeFileSync(path.join(folder, name), 'x');
    }
    const claims = new Claims(systemClock());
    claims.hold(file);
    expect(fs.readdirSync(folder).sort()).toEqual([...others, 'dump.rdb.lock'].sort());
    claims.releaseAll();
  });

  it('waits a moment for a process that is ending, and says who it is that stays', async () => {
    const first = new Claims(systemClock());
    const second = new Claims(systemClock());
    first.hold(file);
    expect(() => second.hold(file)).toThrow(InUse);
    await expect(second.await(file)).rejects.toThrow(
      `${file} is already used by another server, of this process. Stop that one, or give this one a folder (dir) or file ` +
        'names of its own',
    );
    const waiting = second.await(file);
    setTimeout(() => first.releaseAll(), 50);
    await waiting;
    expect(() => first.hold(file)).toThrow(InUse);
    second.releaseAll();
  });
});
