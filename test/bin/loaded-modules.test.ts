import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

/*
 * Which modules of Node a start has loaded when its process ends. Each of those looked for here takes a tenth of a start
 * or more.
 */

const ROOT = join(import.meta.dirname, '../..');
const DEADLINE_MS = 15_000;

test('a command that asks no server loads neither cryptography nor what starts processes', async () => {
  const loaded = await loadedBy('run.js', ['cluster', 'list']);
  expect(loaded).toContain('fs');
  for (const heavy of ['crypto', 'tls', 'child_process', 'readline']) expect(loaded).not.toContain(heavy);
});

test('a server that listens and keeps a log has loaded neither cryptography nor a resolver of names', async () => {
  const loaded = await loadedBy('rkv-server.js', ['--port', '0', '--unixsocket', 's', '--appendonly', 'yes'], 's');
  expect(loaded).toContain('net');
  for (const heavy of ['crypto', 'tls', 'dns/promises']) expect(loaded).not.toContain(heavy);
});

/** `until`: a file that the program makes, upon which it is asked to end. */
async function loadedBy(program: string, args: readonly string[], until?: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-loaded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const list = join(folder, 'loaded');
  writeFileSync(
    join(folder, 'tell.cjs'),
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')));`,
  );
  const child = spawn(process.execPath, ['-r', join(folder, 'tell.cjs'), join(ROOT, 'bin', program), ...args], {
    cwd: folder,
    env: { ...process.env, RKV_HOME: folder, NODE_OPTIONS: '' },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const wait = { timeout: DEADLINE_MS, interval: 5 };
  if (until !== undefined) {
    await vi.waitUntil(() => existsSync(join(folder, until)), wait);
    child.kill('SIGTERM');
  }
  await vi.waitUntil(() => child.exitCode !== null, wait);
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('NativeModule '))
    .map((line) => line.slice('NativeModule '.length));
}
