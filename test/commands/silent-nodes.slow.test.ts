import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { type Ran, rkv, temporaryHome } from './rkv.ts';

/*
 * Nodes that do not answer: the reason is told at once where it is known, the same in every command, and with what helps.
 */

const PORT = 14_140;
const { home, remove } = temporaryHome();
const NAME = 'still';
/** Far less than any of these would wait, and more than a busy machine takes to start a command. */
const AT_ONCE_MS = 15_000;
const WAIT = '40';

async function run(...argv: string[]): Promise<Ran & { took_ms: number }> {
  const begun_ms = performance.now();
  const ran = await rkv(argv, { home, env: { RKV_CLUSTER: NAME } });
  return { ...ran, took_ms: performance.now() - begun_ms };
}

beforeAll(async () => {
  const argv = ['cluster', 'create', NAME, '--port', String(PORT), '--primaries', '1', '--replicas', '1'];
  const { status, stderr } = await rkv(argv, { home });
  expect(status, stderr).toBe(0);
});

afterAll(async () => {
  await run('cluster', 'destroy', '--yes');
  remove();
});

describe('a paused node', () => {
  const resume = `rkv node resume ${PORT + 1} --cluster ${NAME}`;

  test('is paused once, and a node that is not is not resumed', async () => {
    expect((await run('node', 'resume', String(PORT))).stdout).toBe(
      `Cluster ${NAME}: no node resumed, ${PORT} not paused\n`,
    );
    expect((await run('node', 'pause', String(PORT + 1))).stdout).toBe(
      `Cluster ${NAME}: 1 node paused (${PORT + 1})\n`,
    );
    expect((await run('node', 'pause', String(PORT + 1))).stdout).toBe(
      `Cluster ${NAME}: no node paused, ${PORT + 1} already paused\n`,
    );
  });

  test.each([
    ['status', 3, ['status', '--timeout', WAIT]],
    ['verify', 3, ['verify', '--timeout', WAIT]],
    ['node list', 0, ['node', 'list', '--timeout', WAIT]],
    ['node start', 6, ['node', 'start', String(PORT + 1), '--timeout', WAIT]],
    ['cluster start', 6, ['cluster', 'start', '--timeout', WAIT]],
    ['cli', 5, ['cli', '-p', String(PORT + 1), 'PING']],
  ])('is told as such by %s, at once and with what helps', async (_, status, argv) => {
    const ran = await run(...argv);
    expect(ran.status).toBe(status);
    expect(`${ran.stdout}${ran.stderr}`).toContain('paused');
    expect(`${ran.stdout}${ran.stderr}`).toContain(resume);
    expect(ran.took_ms).toBeLessThan(AT_ONCE_MS);
  });

  test('is not what `rkv cli` talks to when it may choose', async () => {
    await run('node', 'pause', String(PORT));
    await run('node', 'resume', String(PORT + 1));
    expect((await run('cli', 'PING')).stdout).toBe('PONG\n');
    await run('node', 'resume', String(PORT));
    expect((await run('wait', 'ok', '--timeout', '60')).status).toBe(0);
  });
});

describe('a replica that is stopped', () => {
  test('makes the cluster degraded to all: what status calls so is not what `wait ok` waits for', async () => {
    await run('node', 'stop', String(PORT + 1));
    const list = JSON.parse((await run('cluster', 'list', '--json')).stdout);
    const status = await run('status', '--json');
    expect([list.result.clusters[0].state, JSON.parse(status.stdout).result.state]).toEqual(['degraded', 'degraded']);
    const waited = await run('wait', 'ok', '--timeout', '500ms');
    expect(waited.status).toBe(4);
    expect(waited.stderr).toContain(`rkv node start ${PORT + 1} --cluster ${NAME}`);
    expect((await run('wait', 'served', '--timeout', WAIT)).status).toBe(0);
  });

  test('is not paused nor resumed, which exits with 6, or 8 where others were', async () => {
    const resumed = await run('node', 'resume', String(PORT + 1));
    expect(resumed).toMatchObject({ status: 6, stdout: `Cluster ${NAME}: no node resumed, ${PORT + 1} not running\n` });
    expect(resumed.stderr).toContain(`rkv node start ${PORT + 1} --cluster ${NAME}`);
    const paused = await run('node', 'pause', 'all', '--json');
    expect(paused.status).toBe(8);
    expect(JSON.parse(paused.stdout)).toMatchObject({
      error: { code: 'NODE_STOPPED', exit: 8 },
      result: { changed: [PORT], unchanged: [PORT + 1], found: { [PORT + 1]: 'stopped' } },
    });
    expect((await run('node', 'kill', 'all')).stdout).toBe(
      `Cluster ${NAME}: 1 node killed (${PORT}), ${PORT + 1} already stopped\n`,
    );
  });
});

describe('a cluster that is stopped', () => {
  test('is stopped to list, status, verify, wait and watch, and nothing waits for it', async () => {
    expect(JSON.parse((await run('cluster', 'list', '--json')).stdout).result.clusters[0].state).toBe('stopped');
    for (const argv of [['status'], ['verify'], ['wait', 'ok'], ['wait', 'synced'], ['watch']]) {
      const extra = argv[0] === 'verify' || argv[0] === 'status' || argv[0] === 'watch' ? [] : ['--timeout', WAIT];
      const ran = await run(...argv, ...extra, '--json');
      expect(ran.status, argv.join(' ')).toBe(5);
      expect(JSON.parse(ran.stdout).error, argv.join(' ')).toMatchObject({
        code: 'STOPPED',
        message: `cluster ${NAME} is stopped`,
        suggestions: [`rkv cluster start --cluster ${NAME}`],
      });
      expect(ran.took_ms).toBeLessThan(AT_ONCE_MS);
    }
    expect((await run('status')).stdout).toMatch(/^still {2}○ stopped {3}0\/2 up\n/);
  });

  test('is what a mistyped name meant; one that means none is answered with where to look', async () => {
    const near = await rkv(['cluster', 'stop', 'stil'], { home });
    expect(near).toMatchObject({ status: 2 });
    expect(near.stderr).toContain("did you mean 'still'?");
    expect(near.stderr).toContain('rkv cluster list');
    const far = await rkv(['cluster', 'stop', 'production'], { home });
    expect(far.stderr).toContain('holds still\n');
    expect(far.stderr).toContain('try    rkv cluster list\n');
  });
});

describe('servers of others', () => {
  const PASSWORD = 'right';
  let plain: Awaited<ReturnType<typeof startServer>>;
  let locked: Awaited<ReturnType<typeof startServer>>;
  /** Ends each connection without a word, as a server does that is about to stop. */
  let leaving: Server;
  let leavingPort: number;
  /** Answers as a web server does. */
  let web: Server;
  let webPort: number;

  beforeAll(async () => {
    plain = await startServer();
    locked = await startServer({ 'cluster-enabled': true, requirepass: PASSWORD });
    leaving = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.destroy()));
    await new Promise<void>((resolve) => leaving.listen(0, '127.0.0.1', resolve));
    leavingPort = (leaving.address() as { port: number }).port;
    web = createServer((socket) =>
      socket.on('error', () => {}).once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    webPort = (web.address() as { port: number }).port;
  });

  afterAll(async () => {
    await Promise.all([plain.close(), locked.close()]);
    leaving.close();
    web.close();
  });

  const reasons: [string, () => string, string[], { code: string; why: RegExp; help: RegExp; exit: number }][] = [
    [
      'a wrong password',
      () => `127.0.0.1:${locked.port}`,
      ['-a', 'wrong'],
      { code: 'NODE_DENIED', exit: 5, why: /WRONGPASS/, help: /rkv .*-a PASSWORD +# or RKV_PASSWORD/ },
    ],
    [
      'no password',
      () => `127.0.0.1:${locked.port}`,
      [],
      { code: 'NODE_DENIED', exit: 5, why: /NOAUTH/, help: /rkv .*-a PASSWORD/ },
    ],
    [
      'no cluster mode',
      () => `127.0.0.1:${plain.port}`,
      [],
      { code: 'NOT_A_CLUSTER_NODE', exit: 6, why: /not in cluster mode/, help: /rkv cli -h 127/ },
    ],
    [
      'TLS where there is none',
      () => `127.0.0.1:${plain.port}`,
      ['--tls'],
      { code: 'UNREACHABLE', exit: 5, why: /does not speak TLS/, help: /the same command without TLS/ },
    ],
    [
      'a name that does not exist',
      () => 'nosuch.invalid:7000',
      [],
      { code: 'UNREACHABLE', exit: 5, why: /\(DNS\)/, help: /IP address/ },
    ],
    [
      'a port where nothing listens',
      () => '127.0.0.1:14148',
      [],
      { code: 'UNREACHABLE', exit: 5, why: /refused/, help: /rkv cluster list/ },
    ],
    [
      'a server that is stopping',
      () => `127.0.0.1:${leavingPort}`,
      [],
      { code: 'UNREACHABLE', exit: 5, why: /closed by the server: it may be stopping/, help: /the same command again/ },
    ],
    [
      'a port of another program',
      () => `127.0.0.1:${webPort}`,
      [],
      { code: 'UNREACHABLE', exit: 5, why: /not the protocol of Redis/, help: /rkv cluster list/ },
    ],
  ];

  test.each(reasons)(
    '%s: status, verify, node list and watch give the reason and what helps',
    async (_, at, flags, { code, exit, why, help }) => {
      const outcomes = await Promise.all(
        [['status'], ['verify'], ['watch'], ['node', 'list', '--cluster']].map((argv) =>
          run(...argv, at(), ...flags, '--timeout', WAIT, '--json'),
        ),
      );
      for (const { status, stdout } of outcomes) {
        const { error } = JSON.parse(stdout);
        expect({ status, code: error.code }).toEqual({ status: exit, code });
        expect(error.why).toMatch(why);
        expect(error.suggestions[0]).toMatch(help);
      }
      const { stdout } = await run('status', at(), ...flags, '--timeout', WAIT);
      expect(stdout).toMatch(why);
      expect(stdout).toMatch(help);
    },
  );

  test('what waiting does not change is not waited for', async () => {
    for (const [at, flags, status] of [
      [locked.port, ['-a', 'wrong'], 5],
      [plain.port, [], 6],
      [plain.port, ['--tls'], 5],
    ] as const) {
      const ran = await run('wait', 'ok', `127.0.0.1:${at}`, ...flags, '--timeout', WAIT);
      expect(ran.status, ran.stderr).toBe(status);
      expect(ran.took_ms).toBeLessThan(AT_ONCE_MS);
    }
  });

  test('`rkv cli` tells them apart, too', async () => {
    const told = async (...argv: string[]): Promise<string> => (await run('cli', ...argv, 'PING')).stderr;
    expect(await told('-p', '14148')).toContain('rkv cluster list');
    expect(await told('-h', 'nosuch.invalid')).toMatch(/\(DNS\)/);
    expect(await told('-p', String(plain.port), '--tls')).toContain('the same command without TLS');
    expect(await told('-p', String(leavingPort))).toContain('the same command again');
    expect(await told('-p', String(webPort))).toContain('not the protocol of Redis');
    expect(await told('-p', String(plain.port), '--tls')).toMatch(/^Error: .*: SSL: wrong version number$/m);
  });

  test('`rkv cli -t` is also the time for the first answer', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const ran = await run('cli', '-p', String(port), '-t', '0.5', 'PING');
    silent.close();
    expect(ran.status).toBe(5);
    expect(ran.stderr).toContain('no answer in time');
    expect(ran.took_ms).toBeLessThan(AT_ONCE_MS);
  });
});
