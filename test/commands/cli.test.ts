import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer } from '../base/real-redis.ts';
import { program, type Ran, rkv, startRkv, until } from './rkv.ts';

/*
 * `rkv cli` beside redis-cli, on the same real server: what they print must be the same bytes. Commands are fed as
 * lines, so that one process of each answers for dozens of replies.
 */

const PORT = 24_020;
const CLUSTER = [24_021, 24_022];
const servers: ChildProcess[] = [];
let folder: string;

beforeAll(async () => {
  if (!hasRedisServer) return;
  folder = mkdtempSync(join(tmpdir(), 'rkv-cli-'));
  startServer(PORT, ['--enable-debug-command', 'yes']);
  for (const port of CLUSTER) startServer(port, ['--cluster-enabled', 'yes', '--cluster-port', String(port + 60)]);
  await Promise.all([PORT, ...CLUSTER].map(listening));
  const [first, second] = CLUSTER as [number, number];
  await redisCli(first, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
  await redisCli(second, 'CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
  await redisCli(first, 'CLUSTER', 'MEET', '127.0.0.1', String(second), String(second + 60));
  for (const port of CLUSTER) await until(async () => /cluster_state:ok/.test(await redisCli(port, 'CLUSTER', 'INFO')));
});

afterAll(() => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const REPLIES = `
FLUSHALL
SET greeting hello
GET greeting
GET nothing
"quoted \\x41\\n" argument
set bytes "a\\"\\\\\\n\\x01\\xff"
get bytes
'it\\'s' one
"never closed
"closed"too soon
RPUSH list a b c d e f g h i j k
LRANGE list 0 -1
LRANGE nothing 0 -1
HSET hash f1 v1 f2 v2
HGETALL hash
HGETALL nothing
SADD set one
SMEMBERS set
SMEMBERS nothing
ZADD zset 1.5 a 2 b
ZRANGE zset 0 -1 WITHSCORES
ZSCORE zset a
XADD stream 1-1 a b c d
XRANGE stream - +
XREAD STREAMS stream 0
XINFO STREAM stream FULL
EVAL "return {1,{2,{3,'x'},{}},'a',false,redis.error_reply('MY error')}" 0
INCR greeting
NOSUCHCOMMAND x
COMMAND INFO get mset xadd
COMMAND DOCS xadd
ACL LIST
MEMORY DOCTOR
DEBUG PROTOCOL string
DEBUG PROTOCOL integer
DEBUG PROTOCOL double
DEBUG PROTOCOL null
DEBUG PROTOCOL array
DEBUG PROTOCOL set
DEBUG PROTOCOL map
DEBUG PROTOCOL verbatim
DEBUG PROTOCOL true
DEBUG PROTOCOL false
MULTI
SET a 1
INCR a
EXEC
3 INCR a
SELECT 3
CLUSTER INFO
CONFIG GET maxmemory*
`;

describe.skipIf(!hasRedisServer)('rkv cli prints what redis-cli prints', () => {
  test.each([
    ['for a terminal', ['--no-raw']],
    ['for a terminal in RESP3', ['--no-raw', '-3']],
    ['for a pipe', []],
    ['for a pipe in RESP3', ['-3']],
    ['as CSV', ['--csv']],
    ['as CSV in RESP3', ['--csv', '-3']],
    ['with a delimiter of one’s own', ['-d', '; ']],
  ])('%s', async (_, options) => {
    const argv = ['-p', String(PORT), ...options];
    const theirs = await program('redis-cli', argv, { input: REPLIES, encoding: 'latin1' });
    const ours = await rkv(['cli', ...argv], { input: REPLIES, encoding: 'latin1' });
    expect(ours.stdout.split('\n')).toEqual(theirs.stdout.split('\n'));
    expect(ours.status).toBe(theirs.status);
  });

  test.each([
    ['a word', ['PING']],
    ['words that look like options', ['ECHO', '-p']],
    ['an error', ['NOSUCHCOMMAND']],
    ['an error with -e', ['-e', 'NOSUCHCOMMAND']],
    ['a repeated command', ['-r', '3', '-i', '0.01', 'INCR', 'counter']],
    ['text that INFO answers with', ['--no-raw', 'LOLWUT']],
    ['another database', ['-n', '3', 'DBSIZE']],
    ['a URI', ['-u', `redis://127.0.0.1:${PORT}/2`, 'DBSIZE']],
  ])('for %s, with the same exit code', async (_, words) => {
    const run = async (file: (argv: string[]) => Promise<Ran>): Promise<Ran> => {
      await redisCli(PORT, 'DEL', 'counter');
      return file(words.includes('-u') ? words : ['-p', String(PORT), ...words]);
    };
    const theirs = await run((argv) => program('redis-cli', argv));
    const ours = await run((argv) => rkv(['cli', ...argv]));
    // With -e redis-cli writes the error to stderr and we to stdout, where the reply always is.
    expect(ours.stdout.trim()).toBe((theirs.stdout || theirs.stderr).trim());
    expect(ours.status).toBe(theirs.status);
  });

  test('-e runs all lines of a pipe, and ends with 1 when an error was among the replies', async () => {
    const { stdout, status } = await rkv(['cli', '-e', '-p', String(PORT)], { input: 'NOSUCHCOMMAND\nPING\n' });
    expect(stdout).toMatch(/^ERR unknown command.*\n\nPONG\n$/);
    expect(status).toBe(1);
  });

  test('a server that goes away under a pipe of commands is exit code 5, and SHUTDOWN alone is none', async () => {
    const port = 24_028;
    startServer(port, []);
    await listening(port);
    const { stderr, status } = await rkv(['cli', '-p', String(port)], { input: 'SHUTDOWN NOSAVE\nPING\n' });
    expect(stderr).toContain(`Error: 127.0.0.1:${port}: Connection refused\n`);
    expect(status).toBe(5);
    startServer(port, []);
    await listening(port);
    expect(await rkv(['cli', '-p', String(port), 'SHUTDOWN', 'NOSAVE'])).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  test('help says what the server says, in RESP2 and RESP3', async () => {
    for (const protocol of ['-2', '-3']) {
      const { stdout } = await rkv(['cli', protocol, '-p', String(PORT)], {
        input: 'help get\nhelp config set\nhelp nosuch\n',
      });
      expect(stdout).toContain('GET key\n  summary     Get the value of a key\n  since       1.0.0\n');
      expect(stdout).toContain('\n  summary     Set configuration parameters');
      expect(stdout).toContain("The server knows no command 'nosuch'.\n");
    }
  });

  test('-x sends standard input as the last argument, byte for byte', async () => {
    await rkv(['cli', '-p', String(PORT), '-x', 'SET', 'input'], { input: 'two\nlines\n' });
    const { stdout } = await rkv(['cli', '-p', String(PORT), '--no-raw', 'GET', 'input']);
    expect(stdout).toBe('"two\\nlines\\n"\n');
  });

  test('--scan names every key once, and those of all primaries in a cluster', async () => {
    const input = Array.from({ length: 300 }, (_, i) => `SET scanned:${i} ${i}\n`).join('');
    await rkv(['cli', '-c', '-p', String(CLUSTER[0])], { input });
    const names = Array.from({ length: 300 }, (_, i) => `scanned:${i}`).sort();
    const argv = ['cli', '-c', '-p', String(CLUSTER[1]), '--scan', '--pattern', 'scanned:*'];
    expect((await rkv(argv)).stdout.trim().split('\n').sort()).toEqual(names);
    const alone = await rkv(['cli', '-p', String(CLUSTER[1]), '--scan', '--pattern=scanned:*', '--count', '7']);
    const theirs = await program('redis-cli', ['-p', String(CLUSTER[1]), '--scan', '--pattern', 'scanned:*']);
    expect(alone.stdout.split('\n').sort()).toEqual(theirs.stdout.split('\n').sort());
    const json = await rkv([...argv, '--json']);
    expect(JSON.parse(json.stdout).result.reply.toSorted()).toEqual(names);
    await redisCli(PORT, 'SET', 'bytes "\xff', '1');
    const quoted = ['-p', String(PORT), '--no-raw', '--scan', '--pattern', 'bytes *'];
    expect((await rkv(['cli', ...quoted])).stdout).toBe((await program('redis-cli', quoted)).stdout);
  });

  test.each([
    [['--bigkeys', '-p', '7000'], 'redis-cli --bigkeys -p 7000'],
    [['-a', 'secret', '--hotkeys'], 'redis-cli --hotkeys'],
    [['--stat'], 'rkv watch'],
    [['--pipe'], 'rkv cli < commands.txt'],
    [['--eval', 'script.lua', 'key', ',', 'arg'], 'redis-cli --eval script.lua key , arg'],
    [['--rdb', 'dump.rdb'], 'redis-cli --rdb dump.rdb'],
    [['-X', 'tag', 'RESTORE', 'key', '0', 'tag'], 'rkv cli -x'],
  ])('what only redis-cli has is refused with the command that does it: %j', async (argv, instead) => {
    const { stderr, status } = await rkv(['cli', ...argv]);
    expect(stderr).toContain("Error: rkv cli does not have redis-cli's -");
    expect(stderr).toContain(instead);
    expect(stderr).not.toContain('secret');
    expect(status).toBe(2);
  });

  test('numbers that are none are usage errors', async () => {
    for (const flags of [
      ['-r', 'x'],
      ['-i', 'x'],
      ['-t', 'x'],
      ['-n', 'x'],
      ['--count', '5'],
      ['--csv', '--raw'],
    ]) {
      const { status, stderr } = await rkv(['cli', '-p', String(PORT), ...flags, 'PING']);
      expect(status, stderr).toBe(2);
    }
    const quiet = await rkv(['cli', '-p', String(PORT), '-a', 'x', '--no-auth-warning', '--quiet', 'PING']);
    expect(quiet).toMatchObject({ status: 0, stdout: '' });
  });

  test('a database that cannot be selected ends it, and nothing is written to another one', async () => {
    for (const [port, argv] of [
      [PORT, ['-n', '98']],
      [CLUSTER[0]!, ['-c', '-n', '3']],
    ] as const) {
      const { status, stderr } = await rkv(['cli', '-p', String(port), ...argv, 'SET', 'for-another', '1']);
      expect(stderr).toContain(`Error: cannot select database ${argv.at(-1)}`);
      expect(status).toBe(1);
      expect(await redisCli(port, '-c', 'EXISTS', 'for-another')).toBe('0\n');
    }
  });

  test('-c follows keys through the cluster, and says so where a person reads', async () => {
    const commands = 'SET foo 1\nSET bar 2\nGET foo\nGET bar\n';
    const argv = ['-c', '-p', String(CLUSTER[0])];
    const theirs = await program('redis-cli', [...argv, '--no-raw'], { input: commands });
    const ours = await rkv(['cli', ...argv, '--no-raw'], { input: commands });
    expect(ours.stdout).toBe(theirs.stdout);
    expect(ours.stdout).toContain('-> Redirected to slot [12182] located at 127.0.0.1:24022\n');
    const piped = await rkv(['cli', ...argv], { input: commands });
    expect(piped.stdout).toBe('OK\nOK\n1\n2\n');
  });

  test('a transaction that a redirection leaves behind queues nothing later', async () => {
    const argv = ['-c', '-p', String(CLUSTER[0]), '--no-raw'];
    const commands = 'MULTI\nSET foo 1\nEXEC\nSET bar 3\nGET bar\nSET foo 2\n';
    const theirs = await program('redis-cli', argv, { input: commands });
    expect((await rkv(['cli', ...argv], { input: commands })).stdout).toBe(theirs.stdout);
    expect(theirs.stdout).toContain('"3"');
  });

  test('without -c a redirection is an error reply', async () => {
    const { stdout, status } = await rkv(['cli', '-e', '-p', String(CLUSTER[0]), 'GET', 'foo']);
    expect(stdout).toBe('MOVED 12182 127.0.0.1:24022\n\n');
    expect(status).toBe(1);
  });

  test('a subscription prints messages until it is interrupted', async () => {
    const { child, ended } = startRkv(['cli', '-p', String(PORT), '--no-raw', 'SUBSCRIBE', 'news']);
    await until(async () => (await redisCli(PORT, 'PUBLISH', 'news', 'hello')) === '1\n');
    await until(() => Promise.resolve(child.exitCode !== null || child.kill('SIGINT')));
    const { stdout, status } = await ended;
    expect(stdout).toBe(
      'Reading messages... (press Ctrl-C to quit)\n1) "subscribe"\n2) "news"\n3) (integer) 1\n' +
        '1) "message"\n2) "news"\n3) "hello"\n',
    );
    expect(status).toBe(130);
  });

  test('thousands of commands of a pipe take seconds', async () => {
    const input = Array.from({ length: 2000 }, (_, i) => `SET key:${i} ${i}\n`).join('');
    const { stdout, status } = await rkv(['cli', '-c', '-p', String(CLUSTER[0])], { input });
    expect(stdout).toBe('OK\n'.repeat(2000));
    expect(status).toBe(0);
  });

  test('--json wraps the reply', async () => {
    const { stdout } = await rkv(['cli', '--json', '-3', '-p', String(PORT), 'HELLO']);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'ok',
      result: { reply: { proto: 3, role: 'master' } },
      warnings: [],
    });
  });

  test('a server that is not there is exit code 5, in redis-cli’s words', async () => {
    const { stderr, status } = await rkv(['cli', '-p', '24099', 'PING']);
    expect(stderr).toContain('Could not connect to Redis at 127.0.0.1:24099: Connection refused');
    expect(status).toBe(5);
    const refused = await rkv(['cli', '--json', '-p', String(PORT), 'NOSUCH']);
    expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'error', error: { code: 'REPLY_ERROR', exit: 1 } });
    expect(refused.status).toBe(1);
    const json = await rkv(['cli', '--json', '-p', '24099', 'PING']);
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'error', error: { code: 'UNREACHABLE', exit: 5 } });
    expect(json.status).toBe(5);
  });

  test('an option that does not exist is exit code 2', async () => {
    const { stderr, status } = await rkv(['cli', '--nosuch', 'PING']);
    expect(stderr).toContain('unknown flag --nosuch');
    expect(status).toBe(2);
  });
});

/** What is not under test is asked by a program that starts sooner. */
async function redisCli(port: number, ...words: string[]): Promise<string> {
  return (await program('redis-cli', ['-p', String(port), ...words])).stdout;
}

function startServer(port: number, options: readonly string[]): void {
  const own = join(folder, String(port));
  const args = ['--port', String(port), '--save', '', '--dir', folder, '--dbfilename', `${port}.rdb`, ...options];
  servers.push(spawn('redis-server', [...args, '--cluster-config-file', `${own}.nodes`], { stdio: 'ignore' }));
}

function listening(port: number): Promise<void> {
  return until(
    () =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      }),
  );
}
