import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer } from '../base/real-redis.ts';
import { type Ran, rkv, startRkv, temporaryHome, until } from './rkv.ts';

/*
 * Every exit code that a person or a script can meet, in text and with --json: the same code in both, words on stderr in
 * the one, one envelope on stdout in the other, and never a stack trace.
 */

/** The bus ports of these lie below those of outgoing connections. */
const PORT = 14_070;
const BUSY = 14_072;
const { home, remove } = temporaryHome();
let lone: ChildProcess;
let squatter: Server;

beforeAll(async () => {
  squatter = createServer().listen(BUSY, '127.0.0.1');
  if (!hasRedisServer) return;
  const options = [
    '--port',
    String(PORT),
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(PORT + 1),
    '--save',
    '',
  ];
  lone = spawn('redis-server', [...options, '--dir', home, '--cluster-config-file', 'lone.conf'], { stdio: 'ignore' });
  await until(async () => (await rkv(['cli', '-p', String(PORT), 'PING'])).stdout === 'PONG\n');
});

afterAll(() => {
  lone?.kill('SIGKILL');
  squatter.close();
  remove();
});

describe('without any server', () => {
  test.each([
    ['a list is empty', 0, '', ['cluster', 'list']],
    ['a plan is shown', 0, '', ['cluster', 'create', '--dry-run']],
    ['a server that cannot run', 1, 'NODE_DIED', ['cluster', 'create', '--engine', '/bin/false', '--port', '14073']],
    ['a command that does not exist', 2, 'UNKNOWN_COMMAND', ['clutser', 'list']],
    ['a flag that does not exist', 2, 'USAGE', ['cluster', 'list', '--nosuch']],
    ['a flag that is no number', 2, 'USAGE', ['cluster', 'create', '--primaries', 'three']],
    ['a time that is none', 2, 'USAGE', ['wait', '--timeout', 'soon']],
    ['a command that another program has', 2, 'USAGE', ['cli', '--cluster', 'check', '127.0.0.1:24099']],
    ['an argument too many', 2, 'USAGE', ['cluster', 'destroy', 'one', 'two']],
    ['a directive that does not exist', 2, 'BAD_SPEC', ['cluster', 'create', '--config', 'nosuch=1']],
    ['an engine that does not exist', 2, 'NO_ENGINE', ['cluster', 'create', '--engine', 'nosuch']],
    ['a name that leads out of the home', 2, 'BAD_NAME', ['cluster', 'destroy', '../victim', '--yes']],
    ['a file that is not there', 2, 'USAGE', ['cluster', 'create', '--file', 'nope.yaml']],
    ['a folder that is not there', 2, 'USAGE', ['cluster', 'create', '--template', 'nodir']],
    ['a certificate that is not there', 2, 'USAGE', ['status', '--cacert', '/nope', '127.0.0.1:24099']],
    ['a port that is none', 2, 'USAGE', ['cluster', 'create', '--port', 'any']],
    ['a plan on ports that are free', 0, '', ['cluster', 'create', '--dry-run', '--port', 'auto']],
    ['a cluster that does not exist', 2, 'NO_CLUSTER', ['verify', 'nosuch']],
    ['a condition that does not exist', 2, 'BAD_CONDITION', ['wait', 'nosuch', '127.0.0.1:24099']],
    ['a node that is not there', 5, 'UNREACHABLE', ['verify', '127.0.0.1:24099']],
    ['a status of nobody', 5, 'UNREACHABLE', ['status', '127.0.0.1:24099']],
    ['a wait for nobody', 4, 'TIMEOUT', ['wait', 'ok', '127.0.0.1:24099', '--timeout', '300ms']],
    ['a port that is taken', 6, 'PORT_IN_USE', ['cluster', 'create', '--port', String(BUSY)]],
  ])('%s: exit code %d', async (_, status, code, argv) => {
    await expectBoth(argv, status, code);
  });
});

describe.skipIf(!hasRedisServer)('with servers', () => {
  test('a cluster that serves no slots fails its verification with 3', async () => {
    await expectBoth(['verify', `127.0.0.1:${PORT}`], 3, 'VERIFICATION_FAILED');
    await expectBoth(['status', `127.0.0.1:${PORT}`], 3, 'CLUSTER_FAIL');
    await expectBoth(['wait', 'ok', `127.0.0.1:${PORT}`, '--timeout', '300ms'], 4, 'TIMEOUT');
  });

  test('a failed verification with --json still carries the report', async () => {
    const { stdout } = await rkv(['verify', `127.0.0.1:${PORT}`, '--json'], { home });
    const { status, result } = JSON.parse(stdout);
    expect(status).toBe('error');
    expect(result.report.errors).toBeGreaterThan(0);
    expect(result.topology.nodes).toHaveLength(1);
  });

  test('nothing is destroyed without a yes, and a name is taken only once', async () => {
    const argv = ['--port', '14074', '--engine', 'redis', '--primaries', '1', '--replicas', '0'];
    const { status, stdout, stderr } = await rkv(['cluster', 'create', 'kept', ...argv], { home });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Cluster kept is ready in');
    await expectBoth(['cluster', 'destroy', 'kept'], 7, 'REFUSED');
    await expectBoth(['cluster', 'create', 'kept', ...argv], 6, 'CLUSTER_EXISTS');
    await expectBoth(['node', 'kill', '24099', '--cluster', 'kept'], 2, 'NO_NODE');
    const { stdout: json } = await rkv(['cluster', 'destroy', 'kept', '--yes', '--json'], { home });
    expect(JSON.parse(json)).toMatchObject({ status: 'ok', result: { cluster: 'kept', changed: [14_074] } });
  });

  test('Ctrl-C, or a terminal that is closed, takes back what was begun and ends with 130', async () => {
    for (const [signal, json] of [
      ['SIGINT', []],
      ['SIGINT', ['--json']],
      ['SIGHUP', []],
    ] as const) {
      const argv = ['cluster', 'create', 'broken', '--port', '14076', '--engine', 'redis', '--primaries', '3'];
      const { child, ended } = startRkv([...argv, '--replicas', '0', ...json], { home });
      await until(async () => (await rkv(['cli', '-p', '14076', 'PING'])).stdout === 'PONG\n');
      child.kill(signal);
      const { status, stdout, stderr } = await ended;
      expect(status, stderr).toBe(130);
      if (json.length > 0) expect(JSON.parse(stdout).error).toMatchObject({ code: 'INTERRUPTED', exit: 130 });
      else expect(stderr).toContain('undone 3 servers stopped, files removed');
      expect((await rkv(['cli', '-p', '14076', 'PING'])).status).toBe(5);
      expect(JSON.parse((await rkv(['cluster', 'list', '--json'], { home })).stdout).result.clusters).toEqual([]);
    }
  });
});

describe('what is printed', () => {
  test('--quiet leaves errors alone', async () => {
    expect(await rkv(['cluster', 'list', '--quiet'], { home })).toEqual({ stdout: '', stderr: '', status: 0 });
    const { stdout, stderr } = await rkv(['verify', 'nosuch', '--quiet'], { home });
    expect(stdout).toBe('');
    expect(stderr).toContain("Error: there is no cluster 'nosuch'");
  });

  test('a stack is for --debug', async () => {
    const { stderr } = await rkv(['verify', 'nosuch', '--debug'], { home });
    expect(stderr).toMatch(/\n {4}at /);
  });

  test('a slip of the fingers gets a suggestion', async () => {
    const { stderr } = await rkv(['cluster', 'crate']);
    expect(stderr).toBe(
      "Error: unknown command 'cluster crate'\n  why    did you mean 'cluster create'?\n  try    rkv cluster create\n         rkv --help\n",
    );
  });

  test.each([
    ['cluster create --primaries three', "--primaries: expected a whole number, not 'three'"],
    ['cluster create --port', '--port needs a value'],
    ['cluster create --primaries 0', "--primaries: expected a whole number of at least 1, not '0'"],
    ['verify --fail-on nothing', "--fail-on: expected one of error, warning, not 'nothing'"],
    ['cluster create --file nope.yaml', '--file: there is no file nope.yaml'],
    ['cluster create --template nodir', '--template: there is no folder nodir'],
    ['node kill', 'missing argument: selector (which nodes; `all` means every node)'],
    ['cluster destroy one two', 'unexpected argument: two'],
  ])('rkv %s is answered in plain words', async (typed, words) => {
    const { stderr, status } = await rkv(typed.split(' '), { home });
    const command = typed.split(' ', typed.startsWith('verify') ? 1 : 2).join(' ');
    expect(stderr).toBe(`Error: ${words}\n  try    rkv ${command} --help\n`);
    expect(status).toBe(2);
  });

  test.each([
    ['wait okay', "unknown condition 'okay'", 'rkv wait ok'],
    ['wait default', "unknown condition 'default'", 'rkv wait ready default'],
    [
      'cluster create --port 60000',
      "--port: '60000' cannot be the port of a node",
      '60000 is too high: the bus listens 10,000',
    ],
    [
      'cluster create --port 70000',
      "--port: '70000' cannot be the port of a node",
      '70000 is too high: the bus listens 10,000',
    ],
    ['node add --port 99999', "--port: '99999' cannot be the port of a node", '99999 is too high'],
    [
      'node add --port 60000',
      "--port: '60000' cannot be the port of a node",
      'rkv node add --port auto # the next free one',
    ],
    ['cluster create -c maxmemory', '--config maxmemory: no value', 'rkv cluster create --config maxmemory=100mb'],
    ['cluster create -c appendfsync', '--config appendfsync: no value', 'appendfsync takes everysec, always or no'],
    ['cluster create -c maxmemroy', '--config maxmemroy: no value', "did you mean 'maxmemory'?"],
    ['cluster create -c =x', "--config '=x': no directive", 'NAME=VALUE, for instance appendonly=yes'],
  ])('rkv %s says what is wrong, and leads on', async (typed, words, next) => {
    const { stderr, status } = await rkv(typed.split(' '), { home });
    expect(stderr).toContain(`Error: ${words}\n`);
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(next);
    expect(status).toBe(2);
  });

  test('what is suggested has the name of the flag that was wrong, or of the command that was meant', async () => {
    expect((await rkv(['watch', '--every', '0'], { home })).stderr).toContain(
      'rkv watch --every 30\n         rkv watch --every 500ms\n         rkv watch --every 2m\n',
    );
    expect((await rkv(['status', '--watch'], { home })).stderr).toBe(
      'Error: unknown flag --watch\n  try    rkv watch\n         rkv cluster status --help\n',
    );
    const env = await rkv(['env', '127.0.0.1:24099'], { home });
    expect(env.stdout).toBe('REDIS_URL=redis://127.0.0.1:24099\nREDIS_CLUSTER_NODES=127.0.0.1:24099\n');
    expect(env.stderr).toBe('! no node answers now: connection refused: no server listens there\n');
    for (const port of [['-p', '7001'], ['--port=7001']]) {
      expect((await rkv(['status', ...port], { home })).stderr).toContain(
        '  try    rkv cluster status --cluster 127.0.0.1:7001\n         rkv cluster status --help\n',
      );
    }
    expect((await rkv(['cli', '--cluster', 'reshard', 'h:1'], { home })).stderr).toContain(
      "redis-cli's `--cluster reshard` has no counterpart in rkv yet",
    );
  });

  test.each([
    [['--help'], /Getting started:[\s\S]*rkv cluster create +3 primaries[\s\S]*cluster +create, inspect/],
    [['cluster', '--help'], /cluster create +start servers/],
    [['cluster', 'create', '--help'], /--primaries=N/],
    [['cli', '--help'], /redis-cli/],
    [['server', '--help'], /redis\.conf/],
  ])('%j explains itself', async (argv, expected) => {
    const { stdout, status } = await rkv(argv);
    expect(stdout).toMatch(expected);
    expect(status).toBe(0);
  });

  test('warnings are in the envelope', async () => {
    const argv = ['cluster', 'create', '--dry-run', '--primaries', '1', '--replicas', '0', '--json'];
    const { stdout } = await rkv(argv, { home });
    const { status, result } = JSON.parse(stdout);
    expect(status).toBe('ok');
    expect(result.warnings).toHaveLength(2);
  });
});

async function expectBoth(argv: readonly string[], status: number, code: string): Promise<void> {
  // One after the other: both change the same cluster, and a lock would stop the second.
  const text = await rkv(argv, { home });
  const json = await rkv([...argv, '--json'], { home });
  const all = `${argv.join(' ')}\n${text.stdout}\n${text.stderr}\n${json.stdout}\n${json.stderr}`;
  expect({ text: text.status, json: json.status }, all).toEqual({ text: status, json: status });
  expect(text.stderr, all).not.toMatch(/\n {4}at /);
  const envelope = envelopeOf(json);
  expect(Array.isArray(envelope['warnings'])).toBe(true);
  if (status === 0) {
    expect(envelope).toMatchObject({ status: 'ok', result: expect.any(Object) });
    return;
  }
  expect(envelope).toMatchObject({ status: 'error', error: { code, exit: status, message: expect.any(String) } });
  expect((envelope['error'] as { suggestions: unknown }).suggestions).toBeInstanceOf(Array);
}

/** With --json, stdout is one envelope and stderr is silent. */
function envelopeOf({ stdout, stderr }: Ran): Record<string, unknown> {
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}
