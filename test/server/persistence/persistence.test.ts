import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Prng } from '../../../src/base/prng.ts';
import { type Config, defaultConfig } from '../../../src/config/directives.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { Claims } from '../../../src/server/persistence/claims.ts';
import { DiskFailure } from '../../../src/server/persistence/disk.ts';
import { injectFault, liftFault } from '../../../src/server/persistence/disk-fault.ts';
import { Persistence } from '../../../src/server/persistence/persistence.ts';
import type { SpooledRdb } from '../../../src/server/persistence/rdb-file.ts';
import { allSwitchesOff } from '../../../src/server/persistence/test-switches.ts';
import { contents, end, fill, loadRdb, logInto, newKeyspace, newReader, writeRdb } from './support.ts';

let dir: string;
let lines: string[];
let forgotten: number;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-pers-'));
  lines = [];
  forgotten = 0;
});
afterEach(() => {
  liftFault(dir);
  fs.rmSync(dir, { recursive: true, force: true });
});

function make(keyspace: Keyspace, changes: Partial<Config> = {}): { persistence: Persistence; config: Config } {
  const config = { ...defaultConfig(), dir, ...changes };
  const persistence = new Persistence({
    switches: allSwitchesOff(),
    config,
    keyspace,
    clock: systemClock(),
    log: logInto(lines),
    usedBytes: () => keyspace.usedBytes(),
    replication: () => null,
    functions: () => [],
    forgetSelected: () => {
      forgotten++;
    },
    fatal(reason) {
      throw new Error(reason);
    },
    statusChanged() {},
    claims: new Claims(systemClock()),
  });
  return { persistence, config };
}

const START = { isReplica: true, run: () => null, loadFunction: null };
const NOBODY_WAITS = async () => {};
const SET = Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n');

/** But the locks, which last as long as their holder. */
function filesIn(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => !name.endsWith('.lock'))
    .sort();
}

function filled(seed: number): Keyspace {
  const keyspace = newKeyspace();
  fill(keyspace, new Prng(seed), 100);
  return keyspace;
}

/** Turns of the event loop until the snapshot under way is done, and the ones behind it. */
async function settle(persistence: Persistence): Promise<void> {
  const deadline = Date.now() + 10_000;
  do {
    persistence.flush();
    await new Promise((resolve) => setImmediate(resolve));
  } while (
    (persistence.purpose !== null || persistence.saveScheduled || persistence.rewriteScheduled) &&
    Date.now() < deadline
  );
}

async function reloaded(changes: Partial<Config>): Promise<Record<string, unknown>> {
  const keyspace = newKeyspace();
  const { persistence } = make(keyspace, changes);
  const commands: string[] = [];
  const run = (args: readonly Buffer[]): null => {
    commands.push(args.map((arg) => arg.toString('latin1')).join(' '));
    return null;
  };
  await persistence.load({ ...START, run }, NOBODY_WAITS);
  end(persistence);
  return { ...contents(keyspace), commands: commands.filter((command) => command !== 'SELECT 0') };
}

/** The folder as a crash at this moment would leave it. */
function copied(): string {
  const copy = path.join(dir, `crash-${copies++}`);
  fs.mkdirSync(copy);
  fs.cpSync(path.join(dir, 'appendonlydir'), path.join(copy, 'appendonlydir'), { recursive: true });
  return copy;
}
let copies = 0;

describe('saving in the background', () => {
  it('begins at the end of the turn and takes what is there then', async () => {
    const keyspace = filled(61);
    const { persistence } = make(keyspace);
    const before = contents(keyspace);
    persistence.scheduleSave();
    expect([persistence.purpose, persistence.saveScheduled]).toEqual([null, true]);
    persistence.flush();
    expect([persistence.purpose, persistence.saveScheduled]).toEqual(['save', false]);
    keyspace.clear();
    keyspace.dirty += 300;
    await settle(persistence);
    expect(contents(loadRdb(fs.readFileSync(path.join(dir, 'dump.rdb')), { dropExpired: false }))).toEqual(before);
    expect(persistence.lastSaveOk).toBe(true);
    // Clearing was a change behind the moment of the snapshot.
    expect(persistence.changesSinceSave).toBe(300);
    expect(lines).toEqual([
      `Background saving started by pid ${process.pid}`,
      'DB saved on disk',
      'Background saving terminated with success',
    ]);
  });

  it('answers as redis-server does to who asks for it, and for a rewrite', async () => {
    const { persistence } = make(filled(69));
    expect(persistence.askForSave({ schedule: false })).toEqual({ reply: 'Background saving started' });
    persistence.flush();
    expect(persistence.askForSave({ schedule: true })).toEqual({ refusal: 'Background save already in progress' });
    expect(persistence.askForRewrite()).toEqual({ reply: 'Background append only file rewriting scheduled' });
    await settle(persistence);
    expect(persistence.askForRewrite()).toEqual({ reply: 'Background append only file rewriting started' });
    persistence.flush();
    expect(persistence.askForRewrite()).toEqual({
      refusal: 'Background append only file rewriting already in progress',
    });
    expect(persistence.askForSave({ schedule: false })).toEqual({
      refusal:
        "Another child process is active (AOF?): can't BGSAVE right now. " +
        'Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.',
    });
    expect(persistence.askForSave({ schedule: true })).toEqual({ reply: 'Background saving scheduled' });
    await settle(persistence);
    expect([persistence.saves, persistence.rewrites]).toEqual([2, 2]);
    end(persistence);
  });

  it('begins by itself when a save point is reached, and after a failure not at once again', async () => {
    const keyspace = filled(70);
    keyspace.dirty += 300;
    const { persistence, config } = make(keyspace, { save: [{ seconds: 10, changes: 300 }] });
    const start_ms = performance.now();
    persistence.cron(start_ms + 9500);
    expect(persistence.saveScheduled).toBe(false);
    persistence.cron(start_ms + 11_000);
    expect(persistence.saveScheduled).toBe(true);
    config.dir = path.join(dir, 'missing');
    await settle(persistence);
    expect(persistence.lastSaveOk).toBe(false);
    config.dir = dir;
    persistence.cron(performance.now() + 4000);
    expect(persistence.saveScheduled).toBe(false);
    persistence.cron(performance.now() + 11_000);
    await settle(persistence);
    expect([persistence.saves, persistence.changesSinceSave]).toEqual([1, 0]);
    persistence.cron(performance.now() + 100_000);
    expect(persistence.saveScheduled).toBe(false);
    expect(lines[0]).toBe('300 changes in 10 seconds. Saving...');
    end(persistence);
  });

  it('that cannot begin is told in the log and in lastSaveOk', async () => {
    const { persistence } = make(filled(62), { dir: path.join(dir, 'missing') });
    persistence.scheduleSave();
    await settle(persistence);
    expect(persistence.lastSaveOk).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^Background saving error: open .*No such file or directory$/)]);
    expect(() => persistence.save()).toThrow(DiskFailure);
  });

  it('is given up by a close, which leaves neither a timer nor a file', () => {
    const { persistence } = make(filled(63));
    persistence.scheduleSave();
    persistence.flush();
    end(persistence);
    expect([persistence.purpose, filesIn(dir)]).toEqual([null, []]);
  });
});

describe('the log', () => {
  it('is rewritten while commands go on, and both together load', async () => {
    const keyspace = filled(64);
    const { persistence } = make(keyspace, { appendonly: true });
    const before = contents(keyspace);
    persistence.log.open('rdb', () => {});
    persistence.append(SET, 0, SET.length);
    persistence.scheduleRewrite();
    persistence.flush();
    expect(persistence.purpose).toBe('rewrite');
    expect(forgotten).toBe(1);
    persistence.append(SET, 0, SET.length);
    await settle(persistence);
    end(persistence);
    expect(fs.readdirSync(path.join(dir, 'appendonlydir')).sort()).toEqual([
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.manifest',
    ]);
    expect(await reloaded({ appendonly: true })).toEqual({ ...before, commands: ['SET k v'] });
  });

  it('is rewritten by itself when it has grown enough', async () => {
    const { persistence } = make(newKeyspace(), {
      appendonly: true,
      'auto-aof-rewrite-min-size': 500,
      'auto-aof-rewrite-percentage': 100,
    });
    persistence.log.open('rdb', (file) => persistence.writeBase(file));
    for (let i = 0; i < 40 && !persistence.rewriteScheduled; i++) {
      persistence.append(SET, 0, SET.length);
      persistence.flush();
      persistence.cron(performance.now());
    }
    expect(persistence.log.size).toBeGreaterThan(500);
    expect(lines.at(-1)).toMatch(/^Starting automatic rewriting of AOF on \d+% growth$/);
    await settle(persistence);
    expect([persistence.rewrites, persistence.log.size]).toEqual([1, persistence.log.baseSize]);
    end(persistence);
  });

  it.each([
    ['a save', (persistence: Persistence) => persistence.scheduleSave()],
    ['a full copy for a replica', (persistence: Persistence) => persistence.spool({ begun() {}, done() {} })],
    ['a rewrite', (persistence: Persistence) => persistence.scheduleRewrite()],
  ])('is not forced to disk during %s with no-appendfsync-on-rewrite', async (_, begin) => {
    const { persistence } = make(filled(67), {
      appendonly: true,
      appendfsync: 'always',
      'no-appendfsync-on-rewrite': true,
    });
    await persistence.load(START, NOBODY_WAITS);
    begin(persistence);
    persistence.flush();
    persistence.append(SET, 0, SET.length);
    persistence.log.flush();
    expect([persistence.purpose === null, persistence.log.pending]).toEqual([false, true]);
    await settle(persistence);
    persistence.log.flush();
    expect(persistence.log.pending).toBe(false);
    end(persistence);
  });

  it('that is turned on writes what is there, and what happens meanwhile', async () => {
    const keyspace = filled(65);
    const { persistence, config } = make(keyspace);
    await persistence.load(START, NOBODY_WAITS);
    expect(persistence.active).toBe(false);
    const before = contents(keyspace);
    config.appendonly = true;
    persistence.appendOnlyChanged();
    expect(persistence.active).toBe(true);
    // Effects of the turn in which it is turned on are in the data already.
    persistence.append(SET, 0, SET.length);
    persistence.flush();
    keyspace.databases[0]!.clear();
    persistence.append(SET, 0, SET.length);
    await settle(persistence);
    end(persistence);
    expect(await reloaded({ appendonly: true })).toEqual({ ...before, commands: ['SET k v'] });
  });

  it('that is turned off again before that was done is as if nothing had been', async () => {
    const { persistence, config } = make(filled(66));
    config.appendonly = true;
    persistence.appendOnlyChanged();
    persistence.flush();
    expect(persistence.purpose).toBe('rewrite');
    config.appendonly = false;
    persistence.appendOnlyChanged();
    expect([persistence.purpose, persistence.active, filesIn(path.join(dir, 'appendonlydir'))]).toEqual([
      null,
      false,
      [],
    ]);
    end(persistence);
  });

  it('that has no folder to lie in is refused with the reason', () => {
    const { persistence, config } = make(filled(67));
    fs.writeFileSync(path.join(dir, 'appendonlydir'), 'in the way');
    config.appendonly = true;
    expect(persistence.appendOnlyChanged()).toMatch(/appendonlydir: /);
    expect([persistence.log.enabled, persistence.active]).toEqual([false, false]);
  });

  it('that finds no room when it is turned on is tried again after a second, and then after twice as long', async () => {
    const keyspace = filled(67);
    const { persistence, config } = make(keyspace);
    config.appendonly = true;
    expect(persistence.appendOnlyChanged()).toBeNull();
    const fault = injectFault(dir);
    fault.room = 0;
    await settle(persistence);
    expect([persistence.log.enabled, persistence.lastRewriteOk]).toEqual([false, false]);
    expect(lines.at(-1)).toMatch(/^Background AOF rewrite failed: .*No space left on device/);
    persistence.cron(performance.now() + 900);
    expect(persistence.rewriteScheduled).toBe(false);
    persistence.cron(performance.now() + 1100);
    await settle(persistence);
    expect(persistence.log.enabled).toBe(false);
    fault.room = Number.POSITIVE_INFINITY;
    persistence.cron(performance.now() + 1900);
    expect(persistence.rewriteScheduled).toBe(false);
    persistence.cron(performance.now() + 2100);
    await settle(persistence);
    expect([persistence.log.enabled, persistence.lastRewriteOk]).toEqual([true, true]);
    end(persistence);
    expect(await reloaded({ appendonly: true })).toEqual({ ...contents(keyspace), commands: [] });
  });

  it('and the snapshots for others wait for each other', async () => {
    const keyspace = filled(68);
    const { persistence } = make(keyspace, { appendonly: true });
    persistence.log.open('rdb', () => {});
    const order: string[] = [];
    const rdbs: (SpooledRdb | null)[] = [];
    for (const name of ['one', 'two']) {
      persistence.spool({ begun: () => order.push(`begun ${name}`), done: (rdb) => rdbs.push(rdb) });
    }
    persistence.scheduleRewrite();
    persistence.scheduleSave();
    persistence.flush();
    expect([persistence.purpose, order]).toEqual(['replicas', ['begun one', 'begun two']]);
    await settle(persistence);
    expect([persistence.rewrites, persistence.saves, rdbs.length]).toEqual([1, 1, 2]);
    const pieces: Buffer[] = [];
    for (const chunk of rdbs[0]!.chunks()) pieces.push(Buffer.from(chunk));
    const bytes = Buffer.concat(pieces);
    expect(contents(loadRdb(bytes, { dropExpired: false }))).toEqual(contents(keyspace));
    rdbs[0]!.remove();
    end(persistence);
    expect(filesIn(dir)).toEqual(['appendonlydir', 'dump.rdb']);
  });
});

describe('a full copy of a primary', () => {
  const sourceOf = (seed: number): Buffer => writeRdb(filled(seed));
  /** A keyspace with a log, and its content. */
  const following = (seed: number) => {
    const keyspace = filled(seed);
    const made = make(keyspace, { appendonly: true });
    made.persistence.log.open('rdb', (file) => made.persistence.writeBase(file));
    return { ...made, keyspace, before: contents(keyspace) };
  };
  const replace = (keyspace: Keyspace, rdb: Buffer): void => {
    keyspace.clear();
    const reader = newReader(keyspace, { dropExpired: false });
    reader.feed(rdb);
    reader.finish();
  };

  it('that is kept while it arrives is what a restart finds from the moment on in which it is the data', async () => {
    const { persistence, keyspace, before } = following(71);
    const rdb = sourceOf(72);
    const arrival = persistence.beginArrival();
    for (let at = 0; at < rdb.length; at += 1000) arrival?.write(rdb.subarray(at, at + 1000));
    expect(await reloaded({ appendonly: true, dir: copied() })).toEqual({ ...before, commands: [] });
    replace(keyspace, rdb);
    persistence.dataReplaced(arrival);
    expect([persistence.rewriteScheduled, persistence.whyNotDurable()]).toEqual([false, null]);
    persistence.append(SET, 0, SET.length);
    persistence.flush();
    expect(await reloaded({ appendonly: true, dir: copied() })).toEqual({
      ...contents(keyspace),
      commands: ['SET k v'],
    });
    end(persistence);
  });

  it('that breaks off leaves the log as it was', async () => {
    const { persistence, before } = following(73);
    const arrival = persistence.beginArrival();
    arrival?.write(Buffer.from('REDIS0010'));
    arrival?.abandon();
    persistence.append(SET, 0, SET.length);
    end(persistence);
    expect(await reloaded({ appendonly: true })).toEqual({ ...before, commands: ['SET k v'] });
    expect(fs.readdirSync(path.join(dir, 'appendonlydir')).filter((name) => name.startsWith('temp'))).toEqual([]);
  });

  it('that a full disk does not take leaves the folder at the old data set, refusing writes, until a rewrite', async () => {
    const { persistence, keyspace, before } = following(74);
    const rdb = sourceOf(75);
    const fault = injectFault(dir);
    fault.room = 3000;
    const arrival = persistence.beginArrival();
    for (let at = 0; at < rdb.length; at += 1000) arrival?.write(rdb.subarray(at, at + 1000));
    replace(keyspace, rdb);
    persistence.dataReplaced(arrival);
    persistence.append(SET, 0, SET.length);
    await settle(persistence);
    expect(persistence.whyNotDurable()).toEqual({
      file: 'aof',
      reason: expect.stringContaining('a full copy of a primary replaced the data set'),
    });
    expect(lines.filter((line) => line.startsWith('The full copy could not become the base of the AOF'))).toHaveLength(
      1,
    );
    expect(await reloaded({ appendonly: true, dir: copied() })).toEqual({ ...before, commands: [] });
    fault.room = Number.POSITIVE_INFINITY;
    persistence.cron(performance.now() + 1100);
    persistence.flush();
    persistence.append(SET, 0, SET.length);
    await settle(persistence);
    expect(persistence.whyNotDurable()).toBe(null);
    end(persistence);
    expect(await reloaded({ appendonly: true })).toEqual({ ...contents(keyspace), commands: ['SET k v'] });
  });

  it('ends a rewrite that is under way, which is of the old data', async () => {
    const { persistence, keyspace } = following(76);
    persistence.scheduleRewrite();
    persistence.flush();
    expect(persistence.purpose).toBe('rewrite');
    const rdb = sourceOf(77);
    const arrival = persistence.beginArrival();
    arrival?.write(rdb);
    replace(keyspace, rdb);
    persistence.dataReplaced(arrival);
    expect(persistence.purpose).toBe(null);
    end(persistence);
    expect(await reloaded({ appendonly: true })).toEqual({ ...contents(keyspace), commands: [] });
  });
});
