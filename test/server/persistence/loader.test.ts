import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { Prng } from '../../../src/base/prng.ts';
import { defaultConfig } from '../../../src/config/directives.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { AofFolder } from '../../../src/server/persistence/aof-folder.ts';
import { LoadFailure } from '../../../src/server/persistence/load-failure.ts';
import { type Loaded, type LoadOptions, loadAtStart } from '../../../src/server/persistence/loader.ts';
import { allSwitchesOff } from '../../../src/server/persistence/test-switches.ts';
import { contents, fill, logInto, NOW_MS, newKeyspace, readVector, VECTORS, writeRdb } from './support.ts';

let dir: string;
let lines: string[];
let commands: string[];

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-load-'));
  lines = [];
  commands = [];
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

interface Options {
  appendonly?: boolean;
  truncatedAllowed?: boolean;
  isReplica?: boolean;
  keyspace?: Keyspace;
  loadFunction?: ((source: Buffer) => void) | null;
}

function load({
  appendonly = true,
  truncatedAllowed = true,
  isReplica = false,
  ...rest
}: Options = {}): Promise<Loaded> {
  const log = logInto(lines);
  const config = {
    dir,
    appenddirname: 'appendonlydir',
    appendfilename: 'appendonly.aof',
    'aof-disable-auto-gc': false,
  };
  const options: LoadOptions = {
    switches: allSwitchesOff(),
    config: { ...defaultConfig(), dir, appendonly, 'aof-load-truncated': truncatedAllowed },
    keyspace: rest.keyspace ?? newKeyspace(),
    clock: new ManualClock(NOW_MS),
    log,
    aof: new AofFolder(config, log),
    isReplica,
    loadFunction: rest.loadFunction ?? null,
    run(args) {
      const text = args.map((arg) => arg.toString('latin1')).join(' ');
      if (text.startsWith('NOSUCH')) return "Unknown command 'NOSUCH'";
      commands.push(text);
      return null;
    },
  };
  return loadAtStart(options, async () => {});
}

async function failureOf(options?: Options): Promise<LoadFailure> {
  try {
    await load(options);
  } catch (failure) {
    if (failure instanceof LoadFailure) return failure;
    throw failure;
  }
  throw new Error('nothing failed');
}

const aofPath = (name: string) => path.join(dir, 'appendonlydir', name);

/** A log of one increment per text. */
function writeAof(...increments: string[]): void {
  fs.mkdirSync(path.join(dir, 'appendonlydir'), { recursive: true });
  const manifest = increments.map((_, i) => `file ${i + 1}.aof seq ${i + 1} type i\n`);
  fs.writeFileSync(aofPath('appendonly.aof.manifest'), manifest.join(''));
  increments.forEach((text, i) => fs.writeFileSync(aofPath(`${i + 1}.aof`), text, 'latin1'));
}

function resp(...args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

const SET = resp('SET', 'k', 'v');
const SELECT_0 = 'SELECT 0';

describe('with appendonly yes and no log yet', () => {
  it('an RDB is left alone, which is said with the way to its data', async () => {
    expect((await load()).from).toBe('nothing');
    expect(lines).toEqual([]);
    fs.writeFileSync(path.join(dir, 'dump.rdb'), writeRdb(newKeyspace()));
    expect((await load()).from).toBe('nothing');
    expect(lines).toEqual([expect.stringContaining(`not ${path.join(dir, 'dump.rdb')} either. To go on`)]);
    writeAof(SET);
    lines = [];
    expect((await load()).from).toBe('aof');
    expect(lines.join()).not.toContain('dump.rdb');
  });
});

describe('with appendonly no', () => {
  it('the RDB is loaded, and everything said about it', async () => {
    const source = newKeyspace();
    fill(source, new Prng(2), 100);
    fs.writeFileSync(path.join(dir, 'dump.rdb'), writeRdb(source));
    const keyspace = newKeyspace();
    const loaded = await load({ appendonly: false, keyspace, isReplica: true });
    expect(contents(keyspace)).toEqual(contents(source));
    expect([loaded.from, loaded.keysExpired, loaded.aux.get('redis-bits')]).toEqual(['rdb', 0, '64']);
    expect(lines).toEqual([
      'Loading RDB produced by version 7.2.4',
      'RDB age 0 seconds',
      'RDB memory usage when created 0.84 Mb',
      `Done loading RDB, keys loaded: ${loaded.keysLoaded}, keys expired: 0.`,
      'DB loaded from disk: 0.000 seconds',
    ]);
  });

  it('no RDB is no failure, and a log that lies there is not touched', async () => {
    writeAof(SET);
    expect((await load({ appendonly: false })).from).toBe('nothing');
    expect(commands).toEqual([]);
  });

  it('a damaged RDB ends the start with path and place', async () => {
    fs.writeFileSync(path.join(dir, 'dump.rdb'), readVector('rdb', 'expires.rdb').subarray(0, 100));
    const failure = await failureOf({ appendonly: false });
    expect(failure.path).toBe(path.join(dir, 'dump.rdb'));
    expect(failure.offset).toBe(100);
    expect(failure.message).toBe(
      `Fatal error loading the DB, Internal error in RDB reading offset 100 of ${path.join(dir, 'dump.rdb')}: ` +
        'Short read or OOM loading DB: unexpected end of the RDB',
    );
  });

  it('libraries go to who can load them, or it is said that nobody can', async () => {
    fs.writeFileSync(path.join(dir, 'dump.rdb'), readVector('rdb', 'function.rdb'));
    const sources: string[] = [];
    await load({ appendonly: false, loadFunction: (source) => sources.push(source.toString()) });
    expect(sources).toHaveLength(1);
    await load({ appendonly: false });
    expect(lines).toContain('1 function libraries were not loaded: this server cannot run them yet');
  });
});

describe('with appendonly yes', () => {
  it('nothing there is nothing loaded, and the RDB is not looked at', async () => {
    fs.writeFileSync(path.join(dir, 'dump.rdb'), 'garbage');
    expect((await load()).from).toBe('nothing');
  });

  it.each(['preamble', 'timestamps', 'noprefix_rewrite'])(
    'the files of redis-server are replayed: %s',
    async (name) => {
      fs.cpSync(path.join(VECTORS, 'aof', name), path.join(dir, 'appendonlydir'), { recursive: true });
      const keyspace = newKeyspace();
      const loaded = await load({ keyspace });
      expect(loaded.from).toBe('aof');
      if (name === 'noprefix_rewrite') {
        expect(commands.slice(0, 3)).toEqual([SELECT_0, expect.stringMatching(/^FUNCTION LOAD/), SELECT_0]);
        expect(commands).toContain('PEXPIREAT ex 4102444800000');
        expect(commands.at(-1)).toBe('SELECT 0');
      } else {
        expect(Object.keys(contents(keyspace))).not.toHaveLength(0);
        expect(lines).toContain('RDB is base AOF');
      }
    },
  );

  it('keys of the base stay though their time is over, for the commands behind may rely on them', async () => {
    const source = newKeyspace();
    source.databases[0]!.setString(Buffer.from('k'), 0, 1, Buffer.from('v'), 0, 1, NOW_MS - 1000);
    writeAof(`${writeRdb(source).toString('latin1')}${resp('PERSIST', 'k')}`);
    const keyspace = newKeyspace();
    await load({ keyspace });
    expect(Object.keys(contents(keyspace))).toEqual([`0:k@${NOW_MS - 1000}`]);
    expect(commands).toEqual([SELECT_0, 'PERSIST k']);
    expect(keyspace.applying).toBe(false);
  });

  it('all increments are replayed in order, each from database 0', async () => {
    writeAof(resp('SELECT', '3') + SET, resp('INCR', 'a'), '');
    await load();
    expect(commands).toEqual([SELECT_0, 'SELECT 3', 'SET k v', SELECT_0, 'INCR a', SELECT_0]);
  });

  it('a transaction runs at its EXEC', async () => {
    writeAof(resp('MULTI') + resp('INCR', 'a') + resp('INCR', 'b') + resp('exec') + SET);
    await load();
    expect(commands).toEqual([SELECT_0, 'INCR a', 'INCR b', 'SET k v']);
  });

  it('a file that the manifest names must be there', async () => {
    writeAof(SET, SET);
    fs.rmSync(aofPath('2.aof'));
    expect((await failureOf()).message).toBe(
      'Unable to open the AOF file 2.aof that the manifest names: No such file or directory',
    );
    expect(commands).toEqual([]);
  });

  it('a manifest that cannot be read ends the start in the words of redis-server', async () => {
    writeAof(SET);
    fs.appendFileSync(aofPath('appendonly.aof.manifest'), 'file b.aof seq 1 type i\n');
    expect((await failureOf()).message).toContain('line 2, byte 24: Found a non-monotonic sequence number');
    expect(lines.join('')).toContain('*** FATAL AOF MANIFEST FILE ERROR ***');
  });
});

describe('a folder that lost something', () => {
  /** Files as two rewrites leave them; `lines` is what is left of the manifest. */
  const files: Record<string, string> = {
    'appendonly.aof.2.base.aof': SET,
    'appendonly.aof.3.incr.aof': resp('INCR', 'a'),
    'appendonly.aof.4.incr.aof': resp('INCR', 'b'),
  };
  const LINES = [
    'file appendonly.aof.2.base.aof seq 2 type b\n',
    'file appendonly.aof.3.incr.aof seq 3 type i\n',
    'file appendonly.aof.4.incr.aof seq 4 type i\n',
  ];
  function writeFolder(lines: number | null, changes: Record<string, string | null> = {}): void {
    fs.mkdirSync(path.join(dir, 'appendonlydir'), { recursive: true });
    for (const [name, text] of Object.entries({ ...files, ...changes })) {
      if (text !== null) fs.writeFileSync(aofPath(name), text, 'latin1');
    }
    if (lines !== null) fs.writeFileSync(aofPath('appendonly.aof.manifest'), LINES.slice(0, lines).join(''));
  }
  const snapshot = () =>
    fs.readdirSync(path.join(dir, 'appendonlydir')).map((name) => [name, fs.readFileSync(aofPath(name), 'latin1')]);

  it('is loaded as it is when nothing is missing, with what is older and forgotten beside it', async () => {
    writeFolder(3, {
      'appendonly.aof.1.base.aof': SET,
      'appendonly.aof.2.incr.aof': SET,
      'appendonly.aof.5.incr.aof': '',
    });
    await load();
    expect(commands).toEqual([SELECT_0, 'SET k v', SELECT_0, 'INCR a', SELECT_0, 'INCR b']);
  });

  it.each<[string, number | null, Record<string, string | null>, string[]]>([
    ['the manifest', null, {}, [...Object.keys(files), LINES.join('')]],
    ['the last line of the manifest', 2, {}, ['appendonly.aof.4.incr.aof', LINES[2] as string]],
    ['all but the first line', 1, {}, ['appendonly.aof.3.incr.aof, appendonly.aof.4.incr.aof']],
    ['the manifest and the base', null, { 'appendonly.aof.2.base.aof': null }, ['appendonly.aof.3.incr.aof']],
    ['the bytes of the base', 3, { 'appendonly.aof.2.base.aof': '' }, ['appendonly.aof.2.base.aof', 'is empty']],
    ['an increment', 3, { 'appendonly.aof.3.incr.aof': null }, ['appendonly.aof.3.incr.aof that the manifest names']],
  ])('%s: is refused, untouched, with the names and how to go on', async (_, lines, changes, words) => {
    writeFolder(lines, changes);
    const before = snapshot();
    const { message } = await failureOf();
    for (const word of words) expect(message).toContain(word);
    expect([snapshot(), commands]).toEqual([before, []]);
  });

  it('an emptied manifest is refused as well', async () => {
    writeFolder(0);
    expect((await failureOf()).message).toContain('Found an empty AOF manifest');
  });

  it('an RDB base that is empty is refused, also the first one; one of commands may begin empty on redis-server', async () => {
    const name = { rdb: 'appendonly.aof.1.base.rdb', aof: 'appendonly.aof.1.base.aof' };
    fs.mkdirSync(path.join(dir, 'appendonlydir'));
    for (const kind of ['rdb', 'aof'] as const) {
      fs.writeFileSync(aofPath(name[kind]), '');
      fs.writeFileSync(aofPath('appendonly.aof.manifest'), `file ${name[kind]} seq 1 type b\n`);
      if (kind === 'rdb') expect((await failureOf()).message).toContain(`${aofPath(name.rdb)}, is empty`);
      else expect((await load()).from).toBe('nothing');
    }
  });

  it('the way out that a lost manifest names leads on', async () => {
    writeFolder(null);
    const { message } = await failureOf();
    const lines = message.split('\n').filter((line) => line.startsWith('file '));
    fs.writeFileSync(aofPath('appendonly.aof.manifest'), `${lines.join('\n')}\n`);
    await load();
    expect(commands).toEqual([SELECT_0, 'SET k v', SELECT_0, 'INCR a', SELECT_0, 'INCR b']);
  });
});

describe('a torn end', () => {
  it.each([
    ['a command', SET.slice(0, -3), []],
    ['a number', `${SET}*3\r`, []],
    ['an annotation', `${SET}#TS:179538`, []],
    [
      'a MULTI without EXEC',
      resp('MULTI') + resp('INCR', 'a'),
      ['Revert incomplete MULTI/EXEC transaction in AOF file 1.aof'],
    ],
    [
      'a MULTI whose command is torn',
      resp('MULTI') + resp('INCR', 'a').slice(0, -1),
      ['Revert incomplete MULTI/EXEC transaction in AOF file 1.aof'],
    ],
  ])('in %s is cut off, with the log lines of redis-server', async (_, tail, first) => {
    const whole = SET + resp('SET', 'second', '2');
    const torn = tail.startsWith(SET) ? whole + tail.slice(SET.length) : whole + tail;
    writeAof(torn);
    await load();
    expect(commands).toEqual([SELECT_0, 'SET k v', 'SET second 2']);
    expect(fs.readFileSync(aofPath('1.aof'), 'latin1')).toBe(whole);
    expect(lines.slice(0, first.length + 3)).toEqual([
      ...first,
      '!!! Warning: short read while loading the AOF file 1.aof!!!',
      `!!! Truncating the AOF 1.aof at offset ${whole.length} !!!`,
      'AOF 1.aof loaded anyway because aof-load-truncated is enabled',
    ]);
  });

  it('is found wherever the file is cut, and everything before it is kept', async () => {
    const pieces = [SET, resp('MULTI') + resp('INCR', 'a') + resp('EXEC'), '#TS:1795385066\r\n', resp('DEL', 'k')];
    const whole = pieces.join('');
    const ends = pieces.map((_, i) => pieces.slice(0, i + 1).join('').length);
    for (let cut = 1; cut < whole.length; cut++) {
      commands = [];
      writeAof(whole.slice(0, cut));
      await load();
      // An annotation belongs to the command behind it, and goes with it.
      const kept = ends.filter((end, i) => end === cut || (end < cut && i !== 2)).at(-1) ?? 0;
      expect([fs.statSync(aofPath('1.aof')).size, cut]).toEqual([kept, cut]);
    }
  });

  it('ends the start with aof-load-truncated no, and nothing is cut', async () => {
    writeAof(SET + SET.slice(0, 9));
    const failure = await failureOf({ truncatedAllowed: false });
    expect(failure.message).toContain(
      'Unexpected end of file reading the append only file 1.aof. You can: 1) Make a backup',
    );
    expect(failure.offset).toBe(SET.length);
    expect(fs.statSync(aofPath('1.aof')).size).toBe(SET.length + 9);
  });

  it('ends the start when it is not in the last file, and nothing is cut', async () => {
    writeAof(SET.slice(0, -1), SET);
    expect((await failureOf()).message).toBe('Fatal error: the truncated file is not the last file');
    expect(fs.statSync(aofPath('1.aof')).size).toBe(SET.length - 1);
  });

  it('of an RDB base is no torn end: it ends the start', async () => {
    writeAof(readVector('rdb', 'expires.rdb').subarray(0, 100).toString('latin1'));
    expect((await failureOf()).message).toMatch(/RDB reading offset 100 of .*: unexpected end of the RDB$/);
  });
});

describe('a damaged log', () => {
  it('ends the start with the file and the byte', async () => {
    writeAof(`${SET}${SET.replace('$1', '#1')}`);
    const failure = await failureOf();
    expect(failure.message).toBe(
      'Bad file format reading the append only file 1.aof: make a backup of your AOF file, then use ' +
        `./redis-check-aof --fix <filename.manifest> ('$' expected at byte ${SET.length + 13})`,
    );
    expect(failure.offset).toBe(SET.length + 13);
    expect(failure.path).toBe(aofPath('1.aof'));
  });

  it('is also one with a command nobody knows', async () => {
    writeAof(SET + resp('NOSUCH', 'x'));
    const failure = await failureOf();
    expect(failure.message).toContain("Unknown command 'NOSUCH' reading the append only file 1.aof");
    expect(failure.offset).toBe(SET.length);
  });

  it('ends in a LoadFailure, or loads, whatever bytes changed', async () => {
    const prng = new Prng(4);
    const whole = Buffer.from(SET.repeat(3) + resp('MULTI') + SET + resp('EXEC') + resp('DEL', 'k'), 'latin1');
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(whole);
      for (let i = prng.below(3); i >= 0; i--) bytes[prng.below(bytes.length)] = prng.below(256);
      writeAof(bytes.toString('latin1'));
      await load().catch((failure) => expect(failure).toBeInstanceOf(LoadFailure));
    }
  });
});
