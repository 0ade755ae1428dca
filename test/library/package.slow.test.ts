/* The package as a user gets it: packed, unpacked into an empty project, and nothing of this repository beside it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const project = mkdtempSync(join(tmpdir(), 'rkv-package-'));
const installed = join(project, 'node_modules/@rkv/rkv');

/** Written for what every Node project has: no `types`, no DOM, and `await using`. */
const PROGRAM = `
import { CommandFailure, OptionFailure, type ReplyValue, startServer } from '@rkv/rkv';

declare const process: { stdout: { write(text: string): void } };

await using server = await startServer({ appendonly: false });
await server.call('SET', 'greeting', 'hello');
const reply: ReplyValue = await server.call('GET', 'greeting');
const refused = await server.call('NOSUCH').catch((error: unknown) => error);
const told: unknown[] = [reply, refused instanceof CommandFailure && refused.code];
for (const options of [{ maxmemory: 'much' }, { apendonly: true }, { port: server.port }] as {}[]) {
  try {
    await startServer(options);
  } catch (error) {
    if (error instanceof OptionFailure) told.push([error.code, error.option, error.suggestion]);
  }
}
process.stdout.write(JSON.stringify(told));
`;

function run(file: string, argv: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  const env = { PATH: process.env['PATH'], HOME: project };
  const { stdout, stderr, status } = spawnSync(file, argv, { cwd: project, env, encoding: 'utf8' });
  return { stdout, stderr, status };
}

beforeAll(() => {
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(packed.status, packed.stderr).toBe(0);
  mkdirSync(installed, { recursive: true });
  expect(run('tar', ['-xzf', packed.stdout.trim(), '-C', installed, '--strip-components=1']).status).toBe(0);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(project, 'program.ts'), PROGRAM);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

test('a project without the types of Node compiles against it, and runs what it compiled', () => {
  const compiled = run(process.execPath, [
    TSC,
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2022',
    'program.ts',
  ]);
  expect(compiled).toEqual({ stdout: '', stderr: '', status: 0 });
  const { stdout, stderr } = run(process.execPath, ['program.js']);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([
    'hello',
    'ERR',
    ['BAD_VALUE', 'maxmemory', null],
    ['UNKNOWN_OPTION', 'apendonly', 'appendonly'],
    ['CANNOT_LISTEN', 'port', 'omit port to use a free one'],
  ]);
});

test('its programs start from where they were unpacked', () => {
  expect(run(process.execPath, [join(installed, 'bin/run.js'), '--version']).stdout).toMatch(/^rkv\//);
  expect(run(process.execPath, [join(installed, 'bin/rkv-server.js'), '--version']).stdout).toMatch(/^Redis server v=/);
});

test('neither it nor what it needs runs a script when it is installed, which npm would warn of', () => {
  const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { scripts: object };
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  expect(readdirSync(installed)).not.toContain('binding.gyp');
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }>;
  };
  const needed = Object.entries(packages).filter(([folder, { dev }]) => folder !== '' && dev !== true);
  expect(needed.length).toBeGreaterThan(10);
  expect(needed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) => folder)).toEqual([]);
});
