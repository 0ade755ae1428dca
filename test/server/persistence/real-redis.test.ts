/*
 * The files of both servers must be the files of either: what we write is loaded by an installed redis-server 7.0 and
 * passes its checkers, and what it writes is loaded here.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/base/clock.ts';
import { Prng } from '../../../src/base/prng.ts';
import { defaultConfig } from '../../../src/config/directives.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { defaultLimits } from '../../../src/server/keyspace/limits.ts';
import { Claims } from '../../../src/server/persistence/claims.ts';
import { Persistence } from '../../../src/server/persistence/persistence.ts';
import { allSwitchesOff } from '../../../src/server/persistence/test-switches.ts';
import { dumpValue, restoreValue } from '../../../src/server/types/dump.ts';
import { asJson, contents, end, fill, loadRdb, logInto, NOW_MS, newKeyspace } from './support.ts';

const hasRedis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout?.includes('v=7.0') ?? false;
const hasCheckers = spawnSync('redis-check-rdb', ['--version']).status === 0;

let dir: string;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-real-'));
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

function newPersistence(keyspace: Keyspace, changes: Partial<ReturnType<typeof defaultConfig>> = {}): Persistence {
  const config = { ...defaultConfig('redis-7.0'), dir, ...changes };
  return new Persistence({
    switches: allSwitchesOff(),
    config,
    keyspace,
    clock: new ManualClock(NOW_MS),
    log: logInto([]),
    usedBytes: () => 1_000_000,
    replication: () => null,
    functions: () => [],
    forgetSelected() {},
    fatal(reason) {
      throw new Error(reason);
    },
    statusChanged() {},
    claims: new Claims(systemClock()),
  });
}

const START = { isReplica: false, run: () => null, loadFunction: null };
const NOBODY_WAITS = async () => {};

/** Keys that are dead would be gone on one side and not yet on the other. */
function filled(seed: number): Keyspace {
  const keyspace = newKeyspace();
  fill(keyspace, new Prng(seed), 250);
  for (const db of keyspace.databases) {
    const keys: Buffer[] = [];
    db.forEach((kbuf, koff, klen, ref) => {
      if (db.deadlineOf(ref) >= 0) keys.push(Buffer.from(kbuf.subarray(koff, koff + klen)));
    });
    keys.forEach((key, i) => db.setDeadline(key, 0, key.length, 4_102_444_800_000 + i));
  }
  return keyspace;
}

interface Redis {
  call(...args: (string | Buffer)[]): Promise<Buffer>;
  stop(): Promise<void>;
}

async function startRedis(...args: string[]): Promise<Redis> {
  const socketPath = path.join(dir, 's');
  const child = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socketPath, '--dir', dir, '--save', '', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const deadline = Date.now() + 20_000;
  while (!output.includes('Ready to accept connections') && !output.includes('ready to accept connections')) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`redis-server did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    call: (...words) => callOnce(socketPath, words),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** One command on a connection of its own; the reply as it came, complete when the QUIT behind it is answered. */
function callOnce(socketPath: string, words: (string | Buffer)[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = net.connect(socketPath);
    socket.on('data', (chunk) => pieces.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const whole = Buffer.concat(pieces);
      resolve(whole.subarray(0, whole.length - '+OK\r\n'.length));
    });
    const bulks = words.map((word) => Buffer.from(word as string, 'latin1'));
    const parts = bulks.flatMap((bulk) => [Buffer.from(`$${bulk.length}\r\n`), bulk, Buffer.from('\r\n')]);
    socket.write(Buffer.concat([Buffer.from(`*${bulks.length}\r\n`), ...parts, Buffer.from('*1\r\n$4\r\nQUIT\r\n')]));
  });
}

/** What the real server has, as an RDB that it saved itself. */
async function contentsOf(redis: Redis): Promise<Record<string, unknown>> {
  expect((await redis.call('SAVE')).toString()).toBe('+OK\r\n');
  return contents(loadRdb(fs.readFileSync(path.join(dir, 'dump.rdb'))));
}

describe.skipIf(!hasRedis)('with an installed redis-server', { timeout: 60_000 }, () => {
  it.each([true, false])(
    'it loads our RDB, and we load what it saves of it (rdbcompression %s)',
    async (rdbcompression) => {
      const keyspace = filled(41);
      newPersistence(keyspace, { rdbcompression }).save();
      const redis = await startRedis();
      try {
        expect(await contentsOf(redis)).toEqual(contents(keyspace));
      } finally {
        await redis.stop();
      }
    },
  );

  it('it takes an expiry before 1970 as we do: the key has died, unless it is the millisecond that means none', async () => {
    const [none, before, seconds] = ['ffffffffffffffff', 'feffffffffffffff', 'fbffffff'];
    const last = 'ffffffffffffff7f';
    const records = `fc${none}00016e0176 fc${before}0001620176 fd${seconds}0001730176 fc${last}00016c0176`;
    const hex = records.replaceAll(' ', '');
    const bytes = Buffer.concat([Buffer.from('REDIS0010'), Buffer.from(`${hex}ff`, 'hex'), Buffer.alloc(8)]);
    fs.writeFileSync(path.join(dir, 'dump.rdb'), bytes);
    const redis = await startRedis();
    try {
      expect((await redis.call('MGET', 'n', 'b', 's', 'l')).toString()).toBe(
        '*4\r\n$1\r\nv\r\n$-1\r\n$-1\r\n$1\r\nv\r\n',
      );
      expect((await redis.call('TTL', 'n')).toString()).toBe(':-1\r\n');
    } finally {
      await redis.stop();
    }
    const ours = asJson(loadRdb(bytes))['0'] ?? [];
    expect(ours.map(({ key, pexpiretime }) => [key, pexpiretime])).toEqual([
      ['l', Number.MAX_SAFE_INTEGER],
      ['n', undefined],
    ]);
    const kept = asJson(loadRdb(bytes, { dropExpired: false }))['0'] ?? [];
    expect(kept.map(({ key }) => key).sort()).toEqual(['b', 'l', 'n', 's']);
  });

  it.each([true, false])(
    'it goes on with our append only file, and we with it behind that (preamble %s)',
    async (preamble) => {
      const keyspace = filled(42);
      const changes = { appendonly: true, 'aof-use-rdb-preamble': preamble };
      const persistence = newPersistence(keyspace, changes);
      persistence.log.open(preamble ? 'rdb' : 'aof', (file) => persistence.writeBase(file));
      const command = Buffer.from('*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n*3\r\n$3\r\nSET\r\n$5\r\nadded\r\n$2\r\nby\r\n');
      persistence.append(command, 0, command.length);
      end(persistence);
      const expected = { ...contents(keyspace), '7:added': 'by' };
      const redis = await startRedis('--appendonly', 'yes', '--aof-use-rdb-preamble', preamble ? 'yes' : 'no');
      try {
        expect(await contentsOf(redis)).toEqual(expected);
        await redis.call('SET', 'behind', 'it');
      } finally {
        await redis.stop();
      }
      const commands: string[] = [];
      const run = (args: readonly Buffer[]) => {
        commands.push(args.map((arg) => arg.toString('latin1')).join(' '));
        return null;
      };
      const loaded = newKeyspace();
      await newPersistence(loaded, changes).load({ ...START, run }, NOBODY_WAITS);
      if (preamble) expect(contents(loaded)).toEqual(contents(keyspace));
      expect(commands.slice(-4)).toEqual(['SELECT 7', 'SET added by', 'SELECT 0', 'SET behind it']);
    },
  );

  it('it restores our DUMP payloads, and we restore its', async () => {
    const keyspace = filled(43);
    const redis = await startRedis();
    try {
      const db = keyspace.databases[0]!;
      const dumps: [Buffer, Buffer][] = [];
      db.forEach((kbuf, koff, klen, ref) => {
        dumps.push([
          Buffer.from(kbuf.subarray(koff, koff + klen)),
          dumpValue(db, ref, { compression: true, version: 10 }),
        ]);
      });
      const back = newKeyspace();
      for (const [key, payload] of dumps) {
        expect((await redis.call('RESTORE', key, '0', payload)).toString()).toBe('+OK\r\n');
        const reply = await redis.call('DUMP', key);
        const theirs = reply.subarray(reply.indexOf('\r\n') + 2, -2);
        const entry = restoreValue(theirs, { deadline_ms: -1, limits: defaultLimits() });
        if (typeof entry === 'string') throw new Error(entry);
        back.databases[0]!.put(key, 0, key.length, entry);
      }
      const withoutDeadline = asJson(keyspace)['0']!.map(({ pexpiretime: _, ...key }) => key);
      expect(asJson(back)['0']).toEqual(withoutDeadline);
    } finally {
      await redis.stop();
    }
  });
});

describe.skipIf(!hasCheckers)('the checkers of redis-server', () => {
  it('find no fault with our RDB', () => {
    newPersistence(filled(44)).save();
    const report = execFileSync('redis-check-rdb', [path.join(dir, 'dump.rdb')], { encoding: 'utf8' });
    expect(report).toContain('Checksum OK');
    expect(report).toContain('RDB looks OK!');
  });

  it.each([true, false])('find no fault with our append only file (preamble %s)', (preamble) => {
    const persistence = newPersistence(filled(45), { appendonly: true, 'aof-use-rdb-preamble': preamble });
    persistence.log.open(preamble ? 'rdb' : 'aof', (file) => persistence.writeBase(file));
    const command = Buffer.from('*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n*3\r\n$3\r\nSET\r\n$5\r\nadded\r\n$2\r\nby\r\n');
    persistence.append(command, 0, command.length);
    end(persistence);
    const manifest = path.join(dir, 'appendonlydir', 'appendonly.aof.manifest');
    const report = execFileSync('redis-check-aof', [manifest], { encoding: 'utf8' });
    expect(report).toContain('All AOF files and manifest are valid');
  });
});
