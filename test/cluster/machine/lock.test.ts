import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { takeLock } from '../../../src/cluster/machine/lock.ts';
import { isPaused, runningProcess } from '../../../src/cluster/machine/process.ts';
import { makeHome } from '../servers.ts';

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

test('a folder in the place of a lock is named, and nothing is left beside it', () => {
  const home = makeHome();
  mkdirSync(join(home, 'a.lock'));
  for (let round = 0; round < 2; round++) {
    expect(() => takeLock(join(home, 'a.lock'), 'x')).toThrow(
      expect.objectContaining({ code: 'LOCKED', suggestions: [expect.stringContaining(`rm -r ${home}/a.lock`)] }),
    );
    expect(readdirSync(home)).toEqual(['a.lock']);
  }
});

test('of an owner that is stopped is told so, and how it goes on', async () => {
  const file = join(makeHome(), 'a.lock');
  const owner = spawn('sleep', ['60']);
  onTestFinished(() => void owner.kill('SIGKILL'));
  owner.kill('SIGSTOP');
  const running = runningProcess(owner.pid!)!;
  await expect.poll(() => isPaused(running), { timeout: 10_000 }).toBe(true);
  symlinkSync(`${running.pid} ${running.started} cluster create a`, file);
  expect(() => takeLock(file, 'x')).toThrow(
    expect.objectContaining({
      why: expect.stringContaining('it is stopped'),
      suggestions: [`kill -CONT ${owner.pid}     # lets it go on`],
    }),
  );
});

test('of several that find the lock of a dead owner at the same moment, one gets it', async () => {
  const [threads, rounds] = [3, 60];
  const shared = new SharedArrayBuffer(4 * (1 + rounds));
  const folder = makeHome();
  const taker = new URL('./lock-taker.ts', import.meta.url);
  await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const worker = new Worker(taker, { workerData: { folder, index, threads, rounds, shared } });
      const code = await new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve));
      expect(code).toBe(0);
    }),
  );
  const owners = new Int32Array(shared).subarray(1);
  expect([...owners].filter((count) => count !== 1)).toEqual([]);
});

test('a home that cannot be written is told with the reason of the system', () => {
  const file = join(makeHome(), 'file');
  writeFileSync(file, '');
  expect(() => takeLock(join(file, 'a.lock'), 'x')).toThrow('cannot be used');
});

test('a home below /proc is refused at once', () => {
  expect(() => takeLock('/proc/nowhere/a.lock', 'cluster create a')).toThrow('the folder /proc/nowhere cannot be used');
});
