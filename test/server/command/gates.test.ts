import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../../src/index.ts';
import { GATES } from '../../../src/server/command/gates.ts';
import {
  ARMED_AUTH,
  ARMED_CLUSTER,
  ARMED_COPYING,
  ARMED_DISK,
  ARMED_FEW_REPLICAS,
  ARMED_LOADING,
  ARMED_MULTI,
  ARMED_PAUSED,
  ARMED_REPLICA,
  ARMED_STALE,
  ARMED_SUBSCRIBED,
} from '../../../src/server/state/client.ts';
import { ROOT } from '../../commands/rkv.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { Line } from '../../support/line.ts';
import { RawClient, requestBytes } from '../../support/resp.ts';

/* Every gate refuses over the wire what it has to refuse, and lets pass what it has to let pass. */

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function serverWith(options: ServerOptions): Promise<{ server: EmbeddedServer; client: RawClient }> {
  const server = await startServer(options);
  ended.push(() => server.close());
  return { server, client: await clientOf(server.port) };
}

async function clientOf(where: number | string): Promise<RawClient> {
  const client = await RawClient.connect(where);
  ended.push(() => client.close());
  return client;
}

const UNTIL_MS = 10_000;

/** Asks until the answer is as wanted; answers the last one in any case. */
async function eventually(client: RawClient, words: string[], wanted: (reply: string) => boolean): Promise<string> {
  const until_ms = performance.now() + UNTIL_MS;
  for (;;) {
    const reply = await client.call(...words);
    if (wanted(reply) || performance.now() > until_ms) return reply;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const REFUSES: Record<number, () => Promise<void>> = {
  async [ARMED_AUTH]() {
    const { client } = await serverWith({ requirepass: 'secret' });
    expect(await client.call('GET', 'k')).toBe('-NOAUTH Authentication required.\r\n');
    expect(await client.call('AUTH', 'secret')).toBe('+OK\r\n');
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
  },
  async [ARMED_MULTI]() {
    const { client } = await serverWith({});
    expect(await client.call('MULTI')).toBe('+OK\r\n');
    expect(await client.call('PSYNC', '?', '-1')).toBe('-ERR Command not allowed inside a transaction\r\n');
    expect(await client.call('EXEC')).toMatch(/^-EXECABORT /);
    expect(await client.call('PING')).toBe('+PONG\r\n');
  },
  async [ARMED_CLUSTER]() {
    const { client } = await serverWith({ 'cluster-enabled': true });
    expect(await client.call('GET', 'k')).toBe('-CLUSTERDOWN Hash slot not served\r\n');
    expect(await client.call('PING')).toBe('+PONG\r\n');
  },
  async [ARMED_DISK]() {
    await refusesWhileTheLogCannotBeWritten();
    await refusesAfterAFailedSnapshot();
  },
  async [ARMED_FEW_REPLICAS]() {
    const { client } = await serverWith({ 'min-replicas-to-write': 1 });
    expect(await client.call('SET', 'k', 'v')).toBe('-NOREPLICAS Not enough good replicas to write.\r\n');
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
    expect(await client.call('CONFIG', 'SET', 'min-replicas-to-write', '0')).toBe('+OK\r\n');
    expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
  },
  async [ARMED_REPLICA]() {
    const { client } = await serverWith({ replicaof: '127.0.0.1 1' });
    expect(await client.call('SET', 'k', 'v')).toBe("-READONLY You can't write against a read only replica.\r\n");
    expect(await client.call('CONFIG', 'SET', 'replica-read-only', 'no')).toBe('+OK\r\n');
    expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
  },
  async [ARMED_SUBSCRIBED]() {
    const { client } = await serverWith({});
    await client.call('SUBSCRIBE', 'c');
    expect(await client.call('GET', 'k')).toMatch(/^-ERR Can't execute 'get': only /);
    await client.call('UNSUBSCRIBE');
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
    await client.call('HELLO', '3');
    await client.call('SUBSCRIBE', 'c');
    expect(await client.call('GET', 'k')).toBe('_\r\n');
  },
  async [ARMED_STALE]() {
    const { client } = await serverWith({ replicaof: '127.0.0.1 1' });
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
    expect(await client.call('CONFIG', 'SET', 'replica-serve-stale-data', 'no')).toBe('+OK\r\n');
    expect(await client.call('GET', 'k')).toMatch(/^-MASTERDOWN /);
    expect(await client.call('INFO', 'replication')).toContain('role:slave');
    expect(await client.call('REPLICAOF', 'NO', 'ONE')).toBe('+OK\r\n');
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
  },
  async [ARMED_LOADING]() {
    const dir = temporaryFolder();
    const folder = path.join(dir, 'appendonlydir');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
    const command = requestBytes(['APPEND', 'log', '.']);
    writeFileSync(path.join(folder, 'appendonly.aof.1.incr.aof'), command.repeat(COMMANDS_TO_LOAD));
    const unixsocket = path.join(dir, 'socket');
    const pieces = { 'loading-process-events-interval-bytes': 16_384 };
    const starting = startServer({ dir, appendonly: true, port: 0, unixsocket, ...pieces });
    const client = await accepted(unixsocket);
    expect(await client.call('GET', 'log')).toBe('-LOADING Redis is loading the dataset in memory\r\n');
    expect(await client.call('MULTI')).toBe('+OK\r\n');
    expect(await client.call('DISCARD')).toBe('+OK\r\n');
    const server = await starting;
    ended.push(() => server.close());
    expect(await client.call('STRLEN', 'log')).toBe(`:${COMMANDS_TO_LOAD}\r\n`);
  },
  async [ARMED_COPYING]() {
    const { server: primary, client: writer } = await serverWith({ rdbcompression: false });
    expect(await writer.call('SET', 'big', 'x'.repeat(COPIED_BYTES))).toBe('+OK\r\n');
    const line = await Line.to(primary.port);
    line.limit = COPIED_BYTES / 2;
    const { client } = await serverWith({ replicaof: `127.0.0.1 ${line.port}`, 'replica-read-only': false });
    const copying = (info: string): boolean => info.includes('async_loading:1');
    expect(await eventually(client, ['INFO', 'persistence'], copying)).toContain('async_loading:1');
    expect(await client.call('SET', 'k', 'v')).toBe('-LOADING Redis is loading the dataset in memory\r\n');
    expect(await client.call('GET', 'k')).toBe('$-1\r\n');
    line.release();
    expect(await eventually(client, ['SET', 'k', 'v'], (reply) => reply === '+OK\r\n')).toBe('+OK\r\n');
  },
  async [ARMED_PAUSED]() {
    const { server, client } = await serverWith({});
    const other = await clientOf(server.port);
    expect(await other.call('CLIENT', 'PAUSE', '100000', 'WRITE')).toBe('+OK\r\n');
    client.send(requestBytes(['SET', 'k', 'v']));
    expect(await eventually(other, ['INFO', 'clients'], (info) => info.includes('blocked_clients:1'))).toContain(
      'blocked_clients:1',
    );
    expect(await other.call('GET', 'k')).toBe('$-1\r\n');
    expect(await other.call('CLIENT', 'UNPAUSE')).toBe('+OK\r\n');
    expect(await client.take(1)).toBe('+OK\r\n');
  },
};

const COPIED_BYTES = 100_000;
/** So many that loading them takes several turns of the event loop. */
const COMMANDS_TO_LOAD = 50_000;

async function accepted(unixsocket: string): Promise<RawClient> {
  const until_ms = performance.now() + UNTIL_MS;
  for (;;) {
    try {
      return await clientOf(unixsocket);
    } catch (error) {
      if (performance.now() > until_ms) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const LOG_FAILS = '-MISCONF Errors writing to the AOF file: File too large\r\n';
const FILE_SIZE_MAX = 'trap "" XFSZ; ulimit -S -f 2; exec "$0" "$@"';

/** The system refuses to let files grow, and then lets them. */
async function refusesWhileTheLogCannotBeWritten(): Promise<void> {
  const dir = temporaryFolder();
  const unixsocket = path.join(dir, 'socket');
  const options = ['--port', '0', '--unixsocket', unixsocket, '--dir', dir, '--appendonly', 'yes', '--save', ''];
  const child = spawn('sh', ['-c', FILE_SIZE_MAX, process.execPath, path.join(ROOT, 'bin/rkv-server.js'), ...options], {
    stdio: 'ignore',
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  ended.push(() => child.kill('SIGKILL'));
  const client = await accepted(unixsocket);
  const refused = (reply: string): boolean => !/^[+-](OK|LOADING)/.test(reply);
  expect(await eventually(client, ['SET', 'k', 'v'.repeat(100)], refused)).toBe(LOG_FAILS);
  expect(await client.call('PING')).toBe(LOG_FAILS);
  expect(await client.call('STRLEN', 'k')).toBe(':100\r\n');
  expect(await client.call('MULTI')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'x')).toBe(LOG_FAILS);
  expect(await client.call('EXEC')).toMatch(/^-EXECABORT /);
  expect(spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']).status).toBe(0);
  expect(await eventually(client, ['SET', 'k', 'w'], (reply) => reply === '+OK\r\n')).toBe('+OK\r\n');
  expect(await client.call('PING')).toBe('+PONG\r\n');
}

const SNAPSHOT_FAILS =
  "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may " +
  'modify the data set are disabled, because this instance is configured to report errors during writes if RDB ' +
  'snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.\r\n';

async function refusesAfterAFailedSnapshot(): Promise<void> {
  const dir = temporaryFolder();
  // No file can take the name of a folder that is not empty.
  const obstacle = path.join(dir, 'dump.rdb');
  mkdirSync(path.join(obstacle, 'inside'), { recursive: true });
  const { client } = await serverWith({
    save: '3600 1',
    dbfilename: 'other.rdb',
    dir,
    'enable-protected-configs': 'yes',
  });
  expect(await client.call('CONFIG', 'SET', 'dbfilename', 'dump.rdb')).toBe('+OK\r\n');
  expect(await client.call('BGSAVE')).toBe('+Background saving started\r\n');
  const refused = (reply: string): boolean => reply !== '+OK\r\n';
  expect(await eventually(client, ['SET', 'k', 'v'], refused)).toBe(SNAPSHOT_FAILS);
  expect(await client.call('PING')).toBe(SNAPSHOT_FAILS);
  expect(await client.call('GET', 'k')).toMatch(/^\$/);
  expect(await client.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
  expect(await client.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'v')).toBe(SNAPSHOT_FAILS);
  expect(await client.call('CONFIG', 'SET', 'save', '')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
  expect(await client.call('CONFIG', 'SET', 'save', '3600 1')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'v')).toBe(SNAPSHOT_FAILS);
  expect(await client.call('CONFIG', 'SET', 'dbfilename', 'other.rdb')).toBe('+OK\r\n');
  expect(await client.call('SAVE')).toBe('+OK\r\n');
  expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
}

const NAMES = Object.entries({
  ARMED_AUTH,
  ARMED_CLUSTER,
  ARMED_DISK,
  ARMED_FEW_REPLICAS,
  ARMED_LOADING,
  ARMED_MULTI,
  ARMED_PAUSED,
  ARMED_REPLICA,
  ARMED_STALE,
});

describe('a gate refuses over the wire', () => {
  for (const { bit } of GATES) {
    const [name] = NAMES.find(([, named]) => named === bit) ?? [`the gate of bit ${bit}`];
    test(name, async () => {
      const refuses = REFUSES[bit];
      if (refuses === undefined) throw new Error(`nothing here tries ${name}`);
      await refuses();
    });
  }
});
