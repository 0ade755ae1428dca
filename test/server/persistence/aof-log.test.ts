import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { AofFolder } from '../../../src/server/persistence/aof-folder.ts';
import { type AofConfig, AofLog } from '../../../src/server/persistence/aof-log.ts';
import type { AofFile } from '../../../src/server/persistence/aof-manifest.ts';
import type { AtomicFile } from '../../../src/server/persistence/disk.ts';
import { type Fault, injectFault, liftFault } from '../../../src/server/persistence/disk-fault.ts';
import { allSwitchesOff } from '../../../src/server/persistence/test-switches.ts';
import { logInto, NOW_MS } from './support.ts';

let dir: string;
let lines: string[];
let clock: ManualClock;
let config: { -readonly [K in keyof AofConfig]: AofConfig[K] };

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-aof-'));
  lines = [];
  clock = new ManualClock(NOW_MS);
  config = { appendfsync: 'everysec', 'no-appendfsync-on-rewrite': false, 'aof-timestamp-enabled': false };
});
afterEach(() => {
  liftFault(dir);
  fs.rmSync(dir, { recursive: true, force: true });
});

function newFolder(): AofFolder {
  const names = { dir, appenddirname: 'appendonlydir', appendfilename: 'appendonly.aof', 'aof-disable-auto-gc': false };
  const folder = new AofFolder(names, logInto(lines));
  folder.read();
  folder.upgradeOld();
  return folder;
}

const statuses: (string | null)[] = [];

function newLog(folder = newFolder()): AofLog {
  const fatal = (reason: string): never => {
    throw new Error(`fatal: ${reason}`);
  };
  const statusChanged = (): void => void statuses.push(made.failure);
  const made: AofLog = new AofLog({
    folder,
    clock,
    log: logInto(lines),
    config,
    switches: allSwitchesOff(),
    fatal,
    statusChanged,
    snapshotting: () => false,
  });
  return made;
}

/** As at an orderly end of the server. */
function end(log: AofLog): void {
  log.secure();
  log.close();
}

const base = (text: string) => (file: AtomicFile) => file.write(Buffer.from(text));
/** A base that is complete, but not in the manifest yet. */
function newBase(folder: AofFolder, kind: 'rdb' | 'aof', text: string): AofFile {
  const fresh = folder.newBase(kind);
  fresh.file.write(Buffer.from(text));
  fresh.file.commit();
  return fresh.base;
}

const append = (log: AofLog, text: string) => log.append(Buffer.from(`..${text}`), 2, text.length);
const read = (name: string) => fs.readFileSync(path.join(dir, 'appendonlydir', name), 'latin1');
const files = () => fs.readdirSync(path.join(dir, 'appendonlydir')).sort();
const MANIFEST = 'appendonly.aof.manifest';
const INCREMENT = 'appendonly.aof.1.incr.aof';
const NO_ROOM = 'No space left on device';

/** A log with an empty base, on a disk that can be made to fail. */
function logWithFault(): { log: AofLog; folder: AofFolder; fault: Fault } {
  const folder = newFolder();
  const log = newLog(folder);
  log.open('rdb', base(''));
  const fault = injectFault(dir);
  return { log, folder, fault };
}

/**
 * What a power cut would leave of the folder while `work` runs: names are on disk with the next fsync of the folder. Answers
 * how often the disk was waited for, and what was on disk too late: a file after the manifest that counts on it, the line
 * of a base after its name.
 */
function watchDisk(work: () => void): { syncs: number; tooLate: string[] } {
  const folder = path.join(dir, 'appendonlydir');
  const tooLate: string[] = [];
  const paths = new Map<number, string>();
  let syncs = 0;
  let lasting = { names: new Set<string>(), manifest: '' };
  const look = (): void => {
    lasting = { names: new Set(fs.existsSync(folder) ? files() : []), manifest: '' };
    if (lasting.names.has(MANIFEST)) lasting.manifest = read(MANIFEST);
  };
  look();
  const { openSync, fsyncSync, renameSync } = fs;
  vi.spyOn(fs, 'openSync').mockImplementation((...args) => {
    const fd = openSync(...args);
    paths.set(fd, String(args[0]));
    return fd;
  });
  vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
    fsyncSync(fd);
    syncs++;
    if (paths.get(fd) === folder) look();
  });
  vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    renameSync(from, to);
    const name = path.basename(String(to));
    if (name.includes('.base.') && !lasting.manifest.includes(name)) tooLate.push(`line of ${name}`);
    if (name !== MANIFEST) return;
    for (const [, counted] of read(MANIFEST).matchAll(/^file (\S+) seq \d+ type [bi]$/gm)) {
      if (!lasting.names.has(counted as string)) tooLate.push(counted as string);
    }
  });
  try {
    work();
  } finally {
    vi.restoreAllMocks();
  }
  return { syncs, tooLate };
}

describe('the files of the log', () => {
  it('begin with a base, an empty increment and a manifest', () => {
    newLog().open('rdb', base('BASE'));
    expect(files()).toEqual(['appendonly.aof.1.base.rdb', 'appendonly.aof.1.incr.aof', MANIFEST]);
    expect(read(MANIFEST)).toBe(
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    );
    expect(lines).toEqual([
      'Creating AOF base file appendonly.aof.1.base.rdb on server start',
      'Creating AOF incr file appendonly.aof.1.incr.aof on server start',
    ]);
  });

  it('wait for the disk six times when they begin, and no name is on disk before what it counts on', () => {
    expect(watchDisk(() => newLog().open('rdb', base('BASE')))).toEqual({ syncs: 6, tooLate: [] });
  });

  it('are gone on with after a restart', () => {
    const first = newLog();
    first.open('rdb', base('BASE'));
    append(first, 'one');
    end(first);
    const second = newLog();
    second.open('rdb', base('ANOTHER'));
    append(second, 'two');
    end(second);
    expect(read('appendonly.aof.1.incr.aof')).toBe('onetwo');
    expect([second.size, second.baseSize]).toEqual([10, 4]);
    expect(lines.at(-1)).toBe('Opening AOF incr file appendonly.aof.1.incr.aof on server start');
  });

  it('come over from the single file of an old server, as on redis-server', () => {
    fs.writeFileSync(path.join(dir, 'appendonly.aof'), 'OLD');
    newLog().open('rdb', base('never'));
    expect(files()).toEqual(['appendonly.aof', 'appendonly.aof.1.incr.aof', MANIFEST]);
    expect(read(MANIFEST)).toBe('file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n');
    expect([read('appendonly.aof'), fs.readdirSync(dir)]).toEqual(['OLD', ['appendonlydir']]);
  });

  it('come over also when the first attempt was cut off before the file was moved', () => {
    fs.mkdirSync(path.join(dir, 'appendonlydir'));
    fs.writeFileSync(path.join(dir, 'appendonly.aof'), 'OLD');
    fs.writeFileSync(path.join(dir, 'appendonlydir', MANIFEST), 'file appendonly.aof seq 1 type b\n');
    newFolder();
    expect(read('appendonly.aof')).toBe('OLD');
  });

  it('are rewritten into a new base and the increment that was begun before it', () => {
    const folder = newFolder();
    const log = newLog(folder);
    log.open('rdb', base('BASE'));
    append(log, 'before');
    log.beginRewrite();
    append(log, 'after');
    log.flush();
    expect(read(MANIFEST)).toBe(
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n' +
        'file appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    log.finishRewrite(newBase(folder, 'aof', 'before!'));
    expect(files()).toEqual(['appendonly.aof.2.base.aof', 'appendonly.aof.2.incr.aof', MANIFEST]);
    expect(read(MANIFEST)).toBe(
      'file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    expect([read('appendonly.aof.2.base.aof'), read('appendonly.aof.2.incr.aof')]).toEqual(['before!', 'after']);
    end(log);
  });

  it('are rewritten with no name on disk before what it counts on', () => {
    const { log, folder } = logWithFault();
    const rewrite = (): void => {
      log.beginRewrite();
      log.finishRewrite(newBase(folder, 'rdb', 'NOW'));
    };
    expect(watchDisk(rewrite).tooLate).toEqual([]);
    end(log);
  });

  it('are all still named when a rewrite fails', () => {
    const log = newLog();
    log.open('rdb', base('BASE'));
    log.beginRewrite();
    append(log, 'x');
    log.abandonRewrite();
    end(log);
    expect(files()).toEqual([
      'appendonly.aof.1.base.rdb',
      'appendonly.aof.1.incr.aof',
      'appendonly.aof.2.incr.aof',
      MANIFEST,
    ]);
    expect(
      newFolder()
        .files()
        .map(({ name }) => name),
    ).toEqual(files().slice(0, 3));
  });

  it('are replaced as a whole when the log is turned on again later', () => {
    const first = newLog();
    first.open('rdb', base('BASE'));
    append(first, 'stale');
    end(first);
    const folder = newFolder();
    const log = newLog(folder);
    log.beginRewrite();
    append(log, 'new');
    log.flush();
    expect(read(MANIFEST)).toContain('appendonly.aof.1.incr.aof');
    expect(read(MANIFEST)).toContain('appendonly.aof.2.incr.aof seq 2 type h');
    log.finishRewrite(newBase(folder, 'rdb', 'NOW'));
    expect(files()).toEqual(['appendonly.aof.2.base.rdb', 'appendonly.aof.2.incr.aof', MANIFEST]);
    expect([read('appendonly.aof.2.base.rdb'), read('appendonly.aof.2.incr.aof')]).toEqual(['NOW', 'new']);
    end(log);
  });

  it('are as before when turning the log on again fails, and it is off', () => {
    const first = newLog();
    first.open('rdb', base('BASE'));
    end(first);
    const before = files();
    const log = newLog();
    log.beginRewrite();
    log.abandonRewrite();
    expect([files(), log.enabled]).toEqual([before, false]);
  });

  it('that are history are deleted at the next start, if a crash left them', () => {
    newLog().open('rdb', base('BASE'));
    fs.writeFileSync(path.join(dir, 'appendonlydir', 'old.aof'), 'x');
    fs.appendFileSync(path.join(dir, 'appendonlydir', MANIFEST), 'file old.aof seq 1 type h\n');
    newLog().open('rdb', base('BASE'));
    expect(files()).not.toContain('old.aof');
    expect(read(MANIFEST)).not.toContain('type h');
  });
});

describe('writing', () => {
  it('happens at the flush and not before; without a flush nothing was promised', () => {
    const log = newLog();
    log.open('rdb', base(''));
    append(log, 'a'.repeat(100_000));
    append(log, 'b');
    expect(read('appendonly.aof.1.incr.aof')).toBe('');
    log.flush();
    expect(read('appendonly.aof.1.incr.aof')).toBe(`${'a'.repeat(100_000)}b`);
    expect(log.size).toBe(100_001);
    end(log);
  });

  it('says the second before the first command of each, when that is wanted', () => {
    config['aof-timestamp-enabled'] = true;
    const log = newLog();
    log.open('rdb', base(''));
    append(log, '1');
    append(log, '2');
    clock.advance(1000);
    append(log, '3');
    end(log);
    expect(read('appendonly.aof.1.incr.aof')).toBe('#TS:1795385066\r\n12#TS:1795385067\r\n3');
  });

  it('owes nothing after the flush with appendfsync always, and with everysec after a second', async () => {
    config.appendfsync = 'always';
    const log = newLog();
    log.open('rdb', base(''));
    append(log, 'a');
    log.flush();
    expect(log.pending).toBe(false);
    config.appendfsync = 'everysec';
    append(log, 'b');
    log.flush();
    expect(log.pending).toBe(true);
    clock.advance(1000);
    log.flush();
    const deadline = Date.now() + 5000;
    while (log.pending && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    expect(log.pending).toBe(false);
    end(log);
  });

  it('takes nothing while it is off', () => {
    const log = newLog();
    append(log, 'x');
    log.flush();
    end(log);
    expect([log.enabled, log.pending, fs.readdirSync(dir)]).toEqual([false, false, []]);
  });
});

describe('a disk that is full', () => {
  /** A log whose increment is a device on which every write fails as on a full disk. */
  const logOnFullDisk = () => {
    newLog().open('rdb', base(''));
    const increment = path.join(dir, 'appendonlydir', 'appendonly.aof.1.incr.aof');
    fs.rmSync(increment);
    fs.symlinkSync('/dev/full', increment);
    const log = newLog();
    log.open('rdb', base(''));
    return log;
  };

  it('makes the server refuse writes, and loses nothing', () => {
    const log = logOnFullDisk();
    append(log, 'kept');
    log.flush();
    expect(log.failure).toBe('No space left on device');
    expect(lines.at(-1)).toMatch(/^Error writing to the AOF file: write .*incr.aof: No space left on device$/);
    log.flush();
    expect(lines.filter((line) => line.startsWith('Error writing'))).toHaveLength(1);
    clock.advance(30_000);
    log.flush();
    expect(lines.filter((line) => line.startsWith('Error writing'))).toHaveLength(2);
    expect(log.pending).toBe(true);
    expect(() => log.secure()).toThrow('No space left on device');
    expect(log.enabled).toBe(true);
  });

  it('takes what waited when there is room again, with no command torn by the part that fitted', () => {
    const { log, fault } = logWithFault();
    append(log, 'first');
    log.flush();
    fault.room = 3;
    append(log, 'second');
    log.flush();
    expect([read(INCREMENT), log.failure, statuses.at(-1)]).toEqual(['first', NO_ROOM, NO_ROOM]);
    fault.room = Number.POSITIVE_INFINITY;
    log.flush();
    expect([read(INCREMENT), log.failure, statuses.at(-1)]).toEqual(['firstsecond', null, null]);
    expect(lines.at(-1)).toBe('AOF write error looks solved, the server can write again.');
    end(log);
  });

  it('that keeps the part that fitted gets the rest behind it', () => {
    const { log, fault } = logWithFault();
    fault.truncateFails = true;
    fault.room = 3;
    append(log, 'command');
    log.flush();
    expect(read(INCREMENT)).toBe('com');
    fault.room = 2;
    log.flush();
    fault.room = Number.POSITIVE_INFINITY;
    log.flush();
    expect([read(INCREMENT), log.size]).toEqual(['command', 7]);
    end(log);
  });

  it('is waited for with no more than 64 MB: then the files stay as they are until a rewrite', () => {
    const { log, fault, folder } = logWithFault();
    append(log, 'first');
    log.flush();
    fault.room = 0;
    const big = 'x'.repeat(30 * 1024 * 1024);
    for (let i = 0; i < 4; i++) {
      append(log, big);
      log.flush();
    }
    expect([log.suspended, log.enabled, log.failure, log.pending]).toEqual([true, false, NO_ROOM, false]);
    expect(() => log.secure()).toThrow(NO_ROOM);
    append(log, 'lost, but in the data');
    fault.room = Number.POSITIVE_INFINITY;
    log.flush();
    expect(read(INCREMENT)).toBe('first');
    log.beginRewrite();
    append(log, 'behind');
    log.flush();
    expect([
      log.failure,
      newFolder()
        .files()
        .map(({ name }) => name),
    ]).toEqual([NO_ROOM, ['appendonly.aof.1.base.rdb', INCREMENT]]);
    log.finishRewrite(newBase(folder, 'rdb', 'ALL'));
    expect([log.failure, log.suspended, statuses.at(-1)]).toEqual([null, false, null]);
    expect([read('appendonly.aof.2.base.rdb'), read('appendonly.aof.2.incr.aof')]).toEqual(['ALL', 'behind']);
    end(log);
  });

  it('ends the server with appendfsync always', () => {
    const log = logOnFullDisk();
    config.appendfsync = 'always';
    append(log, 'x');
    expect(() => log.flush()).toThrow(
      /^fatal: Can't recover from AOF write error when the AOF fsync policy is 'always'/,
    );
  });
});

describe('an fsync that fails', () => {
  const settled = async (log: AofLog): Promise<void> => {
    clock.advance(1000);
    log.flush();
    await expect.poll(() => log.pending && log.failure === null, { timeout: 5000 }).toBe(false);
  };

  it('makes the server refuse writes, until one succeeds; only a rewrite proves what the first one left undone', async () => {
    const { log, fault, folder } = logWithFault();
    fault.syncFails = true;
    append(log, 'kept');
    await settled(log);
    expect([log.failure, log.doubtful, statuses.at(-1)]).toEqual(['Input/output error', true, 'Input/output error']);
    expect(lines.at(-1)).toMatch(/^AOF fsync failed: fdatasync .*incr.aof: Input\/output error$/);
    expect(() => log.secure()).toThrow('Input/output error');
    fault.syncFails = false;
    clock.advance(1000);
    log.flush();
    await expect.poll(() => log.failure, { timeout: 5000 }).toBe(null);
    expect([log.doubtful, statuses.at(-1)]).toEqual([true, null]);
    log.beginRewrite();
    log.finishRewrite(newBase(folder, 'rdb', 'ALL'));
    expect(log.doubtful).toBe(false);
    end(log);
  });

  it('ends the server with appendfsync always', () => {
    const { log, fault } = logWithFault();
    config.appendfsync = 'always';
    fault.syncFails = true;
    append(log, 'x');
    expect(() => log.flush()).toThrow(
      /^fatal: Can't persist AOF for fsync error when the AOF fsync policy is 'always'/,
    );
  });
});

describe('a data set that comes as a whole', () => {
  it('takes the place of base and increments at once', () => {
    const { log, folder } = logWithFault();
    append(log, 'old');
    log.flush();
    append(log, 'old, and not written yet');
    const file = folder.newArrival();
    file.write(Buffer.from('NEW'));
    expect(
      newFolder()
        .files()
        .map(({ name }) => name),
    ).toEqual(['appendonly.aof.1.base.rdb', INCREMENT]);
    log.goOnFrom(folder.nameArrival(file));
    append(log, 'behind');
    end(log);
    expect(read(MANIFEST)).toBe(
      'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    expect([read('appendonly.aof.2.base.rdb'), read('appendonly.aof.2.incr.aof')]).toEqual(['NEW', 'behind']);
    expect(files()).toEqual(['appendonly.aof.2.base.rdb', 'appendonly.aof.2.incr.aof', MANIFEST]);
  });

  it('waits for the disk seven times, and no name is on disk before what it counts on', () => {
    const { log, folder } = logWithFault();
    const arrive = (): void => {
      const file = folder.newArrival();
      file.write(Buffer.from('NEW'));
      log.goOnFrom(folder.nameArrival(file));
    };
    expect(watchDisk(arrive)).toEqual({ syncs: 7, tooLate: [] });
    end(log);
  });
});
