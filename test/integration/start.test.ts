import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../commands/rkv.ts';
import { startNode, temporaryFolder, until } from './processes.ts';

/* How a process begins and ends: what its caller is told, what it leaves behind, and what happens while it loads. */

const PORT = 23_100;
const SERVER = join(ROOT, 'bin/rkv-server.js');
const COMMANDS_TO_LOAD = 2000;

/** A folder with a log to replay, and what stands at its end. */
function folderToLoad(end = ''): string {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'appendonlydir'));
  const one = '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n';
  writeFileSync(join(dir, 'appendonlydir/appendonly.aof.1.incr.aof'), one.repeat(COMMANDS_TO_LOAD) + end);
  writeFileSync(join(dir, 'appendonlydir/appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
  return dir;
}

async function connected(port: number): Promise<Socket> {
  let socket: Socket | null = null;
  await until(`${port} accepts`, async () => {
    socket = await new Promise<Socket>((resolve, reject) => {
      const attempt = connect(port, '127.0.0.1', () => resolve(attempt)).on('error', reject);
    });
    return true;
  });
  socket!.on('error', () => {});
  onTestFinished(() => void socket!.destroy());
  return socket!;
}

function endOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode);
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

describe('a server that loads its data', () => {
  test('has its pid file, and ends in order when it is told to', async () => {
    const dir = folderToLoad();
    const node = startNode('rkv', {
      port: PORT,
      dir,
      args: [
        '--appendonly',
        'yes',
        '--key-load-delay',
        '100000',
        '--pidfile',
        join(dir, 'pid'),
        '--unixsocket',
        join(dir, 'socket'),
      ],
    });
    await connected(PORT);
    await until('the pid is written', async () => readFileSync(join(dir, 'pid'), 'utf8') === `${node.child.pid}\n`);
    expect(existsSync(join(dir, 'socket'))).toBe(true);
    node.child.kill('SIGHUP');
    node.child.kill('SIGTERM');
    expect(await endOf(node.child)).toBe(0);
    expect(node.output()).toContain('Received shutdown signal during loading, scheduling shutdown.');
    expect(node.output()).not.toContain('DB loaded from append only file');
    expect(existsSync(join(dir, 'pid'))).toBe(false);
    expect(existsSync(join(dir, 'socket'))).toBe(false);
    expect(existsSync(join(dir, 'dump.rdb'))).toBe(false);
  });

  test('ends with 1 when it cannot, whoever is connected', async () => {
    const dir = folderToLoad('*3\r\n$3\r\nSET\r\n#');
    const args = ['--appendonly', 'yes', '--key-load-delay', '500', '--unixsocket', join(dir, 'socket')];
    const node = startNode('rkv', { port: PORT + 1, dir, args });
    const client = await connected(PORT + 1);
    client.write('PING\r\n');
    expect(await endOf(node.child)).toBe(1);
    expect(node.output()).toContain('Bad file format reading the append only file');
    expect(existsSync(join(dir, 'socket'))).toBe(false);
  });
});

test('a start whose bus port is taken ends with 1', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(PORT + 102, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const node = startNode('rkv', {
    port: PORT + 2,
    args: ['--cluster-enabled', 'yes', '--cluster-port', `${PORT + 102}`],
  });
  expect(await endOf(node.child)).toBe(1);
  expect(node.output()).toContain('Address already in use');
});

test('a Unix socket that a killed server left behind is in nobody’s way', async () => {
  const dir = temporaryFolder();
  const args = ['--unixsocket', join(dir, 'socket')];
  const first = startNode('rkv', { port: 0, dir, args });
  await until('it is there', async () => first.output().includes('now ready to accept connections at'));
  await first.kill();
  expect(existsSync(join(dir, 'socket'))).toBe(true);
  const second = startNode('rkv', { port: 0, dir, args });
  await until('it is there again', async () => second.output().includes('now ready to accept connections at'));
  second.child.kill('SIGTERM');
  expect(await endOf(second.child)).toBe(0);
  expect(existsSync(join(dir, 'socket'))).toBe(false);
});

test('a server without any port or socket says so, and ends with 1', async () => {
  const node = startNode('rkv', { port: 0 });
  expect(await endOf(node.child)).toBe(1);
  expect(node.output()).toContain('Configured to not listen anywhere, exiting.');
});

describe('daemonize', () => {
  const background = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SERVER, '--daemonize', 'yes', ...args], {
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  test.each([
    ['a folder that is not there', ['--dir', '/no/such'], "Can't chdir to '/no/such': No such file or directory\n"],
    [
      'a log file that cannot be',
      ['--dir', '/tmp', '--logfile', '/no/such/log'],
      "Can't open the log file '/no/such/log': No such file or directory\n",
    ],
    ['a file that is not there', ['/no/such.conf'], /such\.conf/],
    ['a value that is none', ['--port', 'x'], /port/],
    ['a port that nobody may have', ['--dir', '/tmp', '--bind', '192.0.2.1', '--port', '23103'], /192\.0\.2\.1:23103/],
  ])('tells the caller of %s, and answers 1', (_what, args, reason) => {
    const { status, stderr } = background(...args);
    expect(stderr).toMatch(reason);
    expect(status).toBe(1);
  });

  test('tells the caller of data that cannot be loaded', () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'dump.rdb'), 'REDIS0009 and then nothing that makes sense');
    const { status, stderr } = background('--dir', dir, '--port', `${PORT + 4}`);
    expect(stderr).not.toBe('');
    expect(status).toBe(1);
  });

  test('answers 0 with nothing on the terminal when the server is there', async () => {
    const dir = temporaryFolder();
    const pidfile = join(dir, 'pid');
    const { status, stdout, stderr } = background('--dir', dir, '--port', `${PORT + 5}`, '--pidfile', pidfile);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    // Not a moment later.
    const pid = Number(readFileSync(pidfile, 'utf8'));
    await connected(PORT + 5);
    process.kill(pid, 'SIGTERM');
    await until('it is gone', async () => !existsSync(pidfile));
  });
});

describe('the log file', () => {
  test('that cannot be opened ends the start with the reason', () => {
    const { status, stderr } = spawnSync(process.execPath, [SERVER, '--logfile', '/no/such/log'], { encoding: 'utf8' });
    expect(stderr).toBe("Can't open the log file '/no/such/log': No such file or directory\n");
    expect(status).toBe(1);
  });

  test('that cannot be written later costs its lines alone, and how many is said when it can', async () => {
    const dir = temporaryFolder();
    const logs = join(dir, 'logs');
    mkdirSync(logs);
    const node = startNode('rkv', { port: PORT + 6, dir, args: ['--logfile', join(logs, 'log')] });
    const client = node.client();
    await client.ping();
    renameSync(logs, join(dir, 'away'));
    for (let i = 0; i < 3; i++) await client.call('SAVE');
    renameSync(join(dir, 'away'), logs);
    await client.call('SAVE');
    const lines = readFileSync(join(logs, 'log'), 'utf8').trimEnd().split('\n').slice(-2);
    expect(lines[0]).toMatch(/DB saved on disk$/);
    expect(lines[1]).toMatch(/# The log could not be written \(ENOENT.*\): 3 lines before the last one are missing$/);
    node.child.kill('SIGTERM');
    expect(await endOf(node.child)).toBe(0);
  });
});

describe('what is no file, where one is to be read or written, holds up no start', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rkv-pipes-'));
  const pipe = join(dir, 'pipe');
  spawnSync('mkfifo', [pipe]);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const startWith = (args: readonly string[], input = '') =>
    spawnSync(process.execPath, [SERVER, ...args, '--dir', dir, '--port', '0'], {
      encoding: 'utf8',
      input,
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });

  test.each([
    ['a pipe that is included', ['-'], `include ${pipe}\n`, `can't open config file '${pipe}': Not a regular file`],
    ['a folder that is included', ['-'], `include ${dir}\n`, `can't open config file '${dir}': Not a regular file`],
    ['a pipe as log file', ['--logfile', pipe], '', `Can't open the log file '${pipe}': No such device or address`],
    [
      'a folder as log file',
      ['--logfile', dir],
      '',
      `Can't open the log file '${dir}': Illegal operation on a directory`,
    ],
    ['a pipe as RDB file', ['--dbfilename', 'pipe', '--unixsocket', join(dir, 'socket')], '', 'Not a regular file'],
  ])('%s', (_, args, input, reason) => {
    const { status, stdout, stderr } = startWith(args, input);
    expect(stdout + stderr).toContain(reason);
    expect(status).toBe(1);
  });

  test('a pid file that is a pipe is not written, and the log says so', async () => {
    const node = startNode('rkv', { port: PORT + 7, dir, args: ['--pidfile', pipe] });
    await connected(PORT + 7);
    await until('it says so', async () =>
      node.output().includes('Failed to write PID file: No such device or address'),
    );
  });

  test('a pipe from a shell is a configuration file, and /dev/null may be included', () => {
    const line = `exec "$0" "$1" <(printf 'include /dev/null\nport 0\nbind ""\n')`;
    const { status, stdout } = spawnSync('bash', ['-c', line, process.execPath, SERVER], {
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    expect(stdout).toContain('Configured to not listen anywhere, exiting.');
    expect(status).toBe(1);
  });
});
