import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveEngine } from '../../../src/cluster/machine/engine.ts';
import { makeHome } from '../servers.ts';

test('the bundled server runs on the Node that runs us', () => {
  const engine = resolveEngine('bundled');
  expect(engine.file).toBe(process.execPath);
  expect(engine.args.at(-1)).toMatch(/bin\/rkv-server\.js$/);
});

test('installed servers are found in PATH, in its order', () => {
  const [first, second] = [makeHome(), makeHome()];
  for (const folder of [first, second]) writeFileSync(join(folder, 'valkey-server'), '', { mode: 0o755 });
  expect(resolveEngine('valkey', { PATH: `${first}:${second}` }).file).toBe(join(first, 'valkey-server'));
  chmodSync(join(first, 'valkey-server'), 0o644);
  expect(resolveEngine('valkey', { PATH: `${first}:${second}` }).file).toBe(join(second, 'valkey-server'));
});

test('what is not installed is told with what else would do', () => {
  expect(() => resolveEngine('redis', { PATH: '/nowhere' })).toThrow('redis-server is not installed');
  expect(() => resolveEngine('mongo', {})).toThrow("unknown engine 'mongo'");
  try {
    resolveEngine('redsi', {});
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ suggestions: ['--engine redis'] });
  }
  expect(() => resolveEngine('./no/such', {})).toThrow('no server binary at');
});

test('a path is taken as it is', () => {
  const file = join(makeHome(), 'server');
  writeFileSync(file, '', { mode: 0o755 });
  expect(resolveEngine(file)).toEqual({ name: file, title: file, file, args: [] });
});
