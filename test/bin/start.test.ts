import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/*
 * The executables, with a dist/ of a few lines behind them, in a folder of their own: what they do before any of our
 * code runs. The second start is tested where the machine has a Node that is too old.
 */

const ROOT = join(import.meta.dirname, '../..');
const OLD_NODE = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (node) =>
    existsSync(node) && Number(spawnSync(node, ['-p', 'process.versions.node']).stdout.toString().split('.')[0]) < 22,
);

let folder: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rkv-start-'));
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.2.3', type: 'module' }));
});

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('rkv', () => {
  test('says its version without a build', () => {
    const expected = `rkv/1.2.3 ${process.platform}-${process.arch} node-${process.version}\n`;
    for (const word of ['--version', '-v', 'version']) {
      expect(run('run.js', [word])).toEqual({ stdout: expected, stderr: '', status: 0 });
    }
  });

  test('says what to do when there is no build', () => {
    const { stderr, status } = run('run.js', ['cluster', 'list']);
    expect(stderr).toMatch(/^rkv is not built: .*dist\/main\.js is missing\.\nRun `npm run build` in .* first\.\n$/);
    expect(status).toBe(1);
  });

  test('hands over words and the package folder, and passes on the exit code', () => {
    build('main.js', 'console.log(JSON.stringify(args)); process.exitCode = 7;');
    const { stdout, status } = run('run.js', ['cluster', 'list', '--json']);
    expect(JSON.parse(stdout)).toEqual([['cluster', 'list', '--json'], folder]);
    expect(status).toBe(7);
  });

  test('tells what the commands say, not what a table of an older build says', () => {
    cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
    cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true, preserveTimestamps: true });
    const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8'));
    manifest.commands['cluster:create'].flags = {};
    delete manifest.commands.verify;
    const file = join(folder, 'oclif.manifest.json');
    writeFileSync(file, JSON.stringify(manifest));
    utimesSync(file, 0, 0);
    expect(run('run.js', ['cluster', 'create', '--help']).stdout).toContain('--primaries=');
    expect(run('run.js', ['verify', '--help']).status).toBe(0);
  });

  test('keeps compiled code in the cache folder of the user', () => {
    build('main.js', '');
    const cache = join(folder, 'cache');
    expect(run('run.js', ['a'], { XDG_CACHE_HOME: cache }).status).toBe(0);
    expect(readdirSync(join(cache, 'rkv', 'v8'))).toHaveLength(1);
  });

  test('runs where the cache folder cannot be written', () => {
    build('main.js', 'console.log("ran");');
    expect(run('run.js', ['a'], { XDG_CACHE_HOME: '/dev/null' })).toEqual({ stdout: 'ran\n', stderr: '', status: 0 });
  });
});

describe('rkv-server', () => {
  test('says how it is used', () => {
    for (const flag of ['--help', '-h']) {
      const { stdout, status } = run('rkv-server.js', [flag]);
      expect(stdout).toMatch(/^Usage: rkv-server \[\/path\/to\/redis\.conf\] \[options\] \[-\]\n/);
      expect(status).toBe(0);
    }
  });

  test('says the version of Redis it follows, in the form that tools parse', () => {
    for (const flag of ['--version', '-v']) {
      const { stdout } = run('rkv-server.js', [flag]);
      expect(stdout).toBe('Redis server v=7.2.4 sha=00000000:0 malloc=libc bits=64 build=rkv-1.2.3\n');
    }
  });

  test('hands over its words', () => {
    build('server.mjs', 'console.log(JSON.stringify(args));');
    expect(JSON.parse(run('rkv-server.js', ['redis.conf', '--port', '0']).stdout)).toEqual([
      ['redis.conf', '--port', '0'],
    ]);
  });
});

describe.skipIf(OLD_NODE === undefined)('started on a Node that is too old', () => {
  test('both say which Node is needed when there is no newer one', () => {
    for (const file of ['run.js', 'rkv-server.js']) {
      const { stderr, status } = run(file, ['--version'], {}, OLD_NODE);
      expect(stderr.split('\n')).toHaveLength(3);
      expect(stderr).toMatch(/^rkv needs Node 22\.13 or newer; this is v/);
      expect(status).toBe(1);
    }
  });

  test('rkv starts again on the Node that the checkout brings, and its children know nothing of it', () => {
    bringNode();
    build('main.js', 'console.log(process.version, process.env.RKV_REEXEC, ...args[0]); process.exitCode = 3;');
    const { stdout, status } = run('run.js', ['a', 'b'], {}, OLD_NODE);
    expect(stdout).toBe(`${process.version} undefined a b\n`);
    expect(status).toBe(3);
  });

  test('the version names the Node that would run', () => {
    bringNode();
    expect(run('run.js', ['--version'], {}, OLD_NODE).stdout).toContain(`node-${process.version}\n`);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s reaches the server, whose exit code comes back',
    async (signal) => {
      bringNode();
      build(
        'server.mjs',
        `process.on('${signal}', () => process.exit(5)); setInterval(() => {}, 1000); console.log('up');`,
      );
      const child = start('rkv-server.js');
      await lineOf(child);
      child.kill(signal);
      expect(await endOf(child)).toEqual({ code: 5, signal: null });
    },
  );

  test('a server that dies of a signal makes the first process die of the same', async () => {
    bringNode();
    build('server.mjs', "setInterval(() => {}, 1000); console.log('up');");
    const child = start('rkv-server.js');
    await lineOf(child);
    child.kill('SIGTERM');
    expect(await endOf(child)).toEqual({ code: null, signal: 'SIGTERM' });
  });
});

/** Writes a built file whose `main` has `args` and runs `body`. */
function build(name: string, body: string): void {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'dist', name), `export async function main(...args) { ${body} }`);
}

/** The package of a newer Node, as `npm ci` would leave it: here it is the one that runs the tests. */
function bringNode(): void {
  const home = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`);
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ version: process.versions.node }));
  writeFileSync(join(home, 'bin', 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
}

function run(file: string, words: string[], env: Record<string, string> = {}, node = process.execPath) {
  const { stdout, stderr, status } = spawnSync(node, [join(folder, 'bin', file), ...words], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
  });
  return { stdout, stderr, status };
}

function start(file: string): ChildProcess {
  const child = spawn(OLD_NODE as string, [join(folder, 'bin', file)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  started.push(child);
  return child;
}

function lineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())));
}

function endOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}
