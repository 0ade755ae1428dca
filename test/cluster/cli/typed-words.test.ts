import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseServer, type ServerFlags } from '../../../src/cluster/cli/cli-target.ts';
import { splitLeadingOptions } from '../../../src/cluster/cli/leading-options.ts';
import { splitWords } from '../../../src/cluster/cli/split-words.ts';
import { specFrom } from '../../../src/cluster/spec/spec-from-flags.ts';

const words = (line: string) => splitWords(line)?.map((word) => word.toString('latin1')) ?? null;

describe('a typed line', () => {
  test.each([
    ['', []],
    ['  \t ', []],
    ['PING', ['PING']],
    ['  SET  key\tvalue  ', ['SET', 'key', 'value']],
    ['SET "two words" \'and two\'', ['SET', 'two words', 'and two']],
    ['"\\x41\\n\\r\\t\\a\\b\\"\\\\\\q"', ['A\n\r\t\x07\x08"\\q']],
    ['"\\xff\\xZZ"', ['\xffxZZ']],
    ["'it\\'s \\n'", ["it's \\n"]],
    ['""', ['']],
    ['a"b c"', ['ab c']],
    ['\xc3\xa9\xff', ['\xc3\xa9\xff']],
  ])('%j becomes %j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  test.each(['"open', "'open", '"a"b', "'a'b", '"ends with \\'])('%j is refused', (line) => {
    expect(words(line)).toBeNull();
  });
});

describe('options before a command', () => {
  const shapes = [
    { name: 'port', char: 'p', takesValue: true },
    { name: 'follow', char: 'c', takesValue: false },
  ];
  test.each([
    [
      ['-c', '-p', '7000', 'SET', 'k', '-1'],
      ['-c', '-p', '7000'],
      ['SET', 'k', '-1'],
    ],
    [
      ['--port', '7000', '--port=7001', 'GET', '--port'],
      ['--port', '7000', '--port=7001'],
      ['GET', '--port'],
    ],
    [['-c', '--', '-p'], ['-c'], ['-p']],
    [['--nosuch', 'PING'], ['--nosuch'], ['PING']],
    [['-', 'x'], [], ['-', 'x']],
    [['-p'], ['-p'], []],
    [[], [], []],
  ])('%j ends after %j', (argv, options, rest) => {
    expect(splitLeadingOptions(argv, shapes)).toEqual({ options, words: rest });
  });
});

describe('whom the command line talks to', () => {
  const home = mkdtempSync(join(tmpdir(), 'rkv-target-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const flags = (given: Partial<ServerFlags> = {}): ServerFlags => ({
    follow: false,
    tls: false,
    insecure: false,
    ...given,
  });

  test('is a plain local server when nothing says otherwise', async () => {
    expect(await chooseServer(flags(), home)).toEqual({ host: '127.0.0.1', port: 6379, cluster: false });
  });

  test('is what an address, a socket or a URI says', async () => {
    expect(await chooseServer(flags({ port: 7000, follow: true }), home)).toEqual({
      host: '127.0.0.1',
      port: 7000,
      cluster: true,
    });
    expect(await chooseServer(flags({ socket: '/tmp/s' }), home)).toMatchObject({ path: '/tmp/s' });
    expect(await chooseServer(flags({ uri: 'redis://me:p%40ss@[::1]:7001/3' }), home)).toEqual({
      host: '::1',
      port: 7001,
      username: 'me',
      password: 'p@ss',
      db: 3,
      cluster: false,
    });
    expect(await chooseServer(flags({ uri: 'rediss://h' }), home)).toMatchObject({ host: 'h', port: 6379, tls: {} });
  });

  test.each(['http://x', 'nonsense'])('%s is refused as a URI', async (uri) => {
    await expect(chooseServer(flags({ uri }), home)).rejects.toMatchObject({ code: 'BAD_ADDRESS', exit: 2 });
  });

  test('a file that is not there is named', async () => {
    const given = flags({ port: 7000, tls: true, cacert: join(home, 'nosuch') });
    await expect(chooseServer(given, home)).rejects.toMatchObject({ code: 'NO_FILE', exit: 2 });
  });
});

describe('the spec that flags ask for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-spec-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is the usual one without any', () => {
    expect(specFrom({})).toMatchObject({ name: 'default', port: 7000, primaries: 3, replicas: 1, config: {} });
  });

  test('takes flags before the file, and the file before what is usual', () => {
    const file = join(folder, 'cluster.yaml');
    writeFileSync(file, 'version: 1\nname: blue\nport: 7100\nreplicas: 0\nconfig:\n  maxmemory: 100mb\n');
    const spec = specFrom({ file, port: 7200, config: ['appendonly=yes'] });
    expect(spec).toMatchObject({ name: 'blue', port: 7200, replicas: 0, primaries: 3 });
    expect(spec.config).toEqual({ maxmemory: '100mb', appendonly: 'yes' });
  });

  test('keeps a directive that is given twice twice', () => {
    const { config } = specFrom({ config: ['save=900 1', 'save 300 10', 'requirepass=a=b'] });
    expect(config).toEqual({ save: ['900 1', '300 10'], requirepass: 'a=b' });
  });

  test('wants a value for each', () => {
    expect(() => specFrom({ config: ['appendonly'] })).toThrow('--config appendonly: no value');
  });
});
