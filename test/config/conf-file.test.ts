import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigFailure, type Loaded, loadConfig, realFiles } from '../../src/config/conf-file.ts';
import { rewriteConfig } from '../../src/config/conf-rewrite.ts';
import { type Config, names } from '../../src/config/directives.ts';
import { hasRedisServer } from '../base/real-redis.ts';

/** Loads from files that are a record of paths and texts; the folder one works in is /work-folder. */
function load(argv: readonly string[], files: Record<string, string> = {}, stdin = ''): Loaded {
  return loadConfig({
    argv,
    cwd: '/work-folder',
    readStdin: () => stdin,
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error('No such file or directory');
      return text;
    },
    listFolder(folder) {
      const below = Object.keys(files).filter((path) => path.startsWith(folder.endsWith('/') ? folder : `${folder}/`));
      return [...new Set(below.map((path) => path.slice(folder === '/' ? 1 : folder.length + 1).split('/')[0]!))];
    },
  });
}

/** Loads a file of this text. */
function loadText(text: string): Loaded {
  return load(['/x.conf'], { '/x.conf': text });
}

function failureOf(run: () => unknown): ConfigFailure {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigFailure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('loadConfig', () => {
  test('without anything gives the defaults', () => {
    const { config, configFile, notices, given } = load([]);
    expect([config.port, config.dir, configFile, notices, given.size]).toEqual([6379, '/work-folder', null, [], 0]);
  });

  test('takes words as bytes, also at the end of a line and where they are no UTF-8', () => {
    const { config } = loadText('requirepass p\xc3\xa0\nmasterauth \xff\xe9\x85\nmasteruser "\\xff\\xa0"\n');
    expect([config.requirepass, config.masterauth, config.masteruser]).toEqual([
      'p\xc3\xa0',
      '\xff\xe9\x85',
      '\xff\xa0',
    ]);
    expect(load(['--requirepass', '\xe2\x98\x83\xff']).config.requirepass).toBe('\xe2\x98\x83\xff');
  });

  test('reads comments, quotes, older names and any case', () => {
    const { config, given } = loadText('# port 1\r\n\r\n  PORT 7000  \r\nslave-priority 5\nrequirepass "a b#c"\n');
    expect([config.port, config['replica-priority'], config.requirepass]).toEqual([7000, 5, 'a b#c']);
    expect([...given]).toEqual(['port', 'replica-priority', 'requirepass']);
  });

  test('lets the last line count, after the file standard input, then the command line', () => {
    const files = { '/work-folder/x.conf': 'port 1\nport 2\nhz 20\ntimeout 3' };
    const { config, configFile } = load(['x.conf', '--timeout', '9', '-'], files, 'hz 30\ntimeout 8');
    expect([config.port, config.hz, config.timeout, configFile]).toEqual([2, 30, 9, '/work-folder/x.conf']);
  });

  test('adds up save points, which the first line begins anew', () => {
    expect(loadText('port 1').config.save).toHaveLength(3);
    expect(loadText('save 1 2\nsave 3 4 5 6').config.save).toEqual([
      { seconds: 1, changes: 2 },
      { seconds: 3, changes: 4 },
      { seconds: 5, changes: 6 },
    ]);
    expect(loadText('save 1 2\nsave ""\nsave 3 4').config.save).toEqual([{ seconds: 3, changes: 4 }]);
    expect(loadText('save "1 2 3 4"').config.save).toHaveLength(2);
    expect(load(['/x.conf', '--save', ''], { '/x.conf': 'save 1 2' }).config.save).toEqual([]);
  });

  test('adds up output buffer limits, users and renamed commands', () => {
    const { config } = loadText(
      'client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit pubsub 4 5 6\n' +
        'user a on >"p w" +@all\nuser b off\nrename-command CONFIG ""\nrename-command DEBUG boom',
    );
    expect(config['client-output-buffer-limit'].normal).toEqual({ hard: 1, soft: 2, soft_s: 3 });
    expect(config['client-output-buffer-limit'].pubsub).toEqual({ hard: 4, soft: 5, soft_s: 6 });
    expect(config['client-output-buffer-limit'].replica.soft_s).toBe(60);
    expect(config.user).toEqual([
      ['a', 'on', '>p w', '+@all'],
      ['b', 'off'],
    ]);
    expect(config['rename-command']).toEqual([
      ['CONFIG', ''],
      ['DEBUG', 'boom'],
    ]);
  });

  test('allows replicaof in a cluster', () => {
    const { config } = loadText('cluster-enabled yes\nreplicaof 127.0.0.1 7000');
    expect([config['cluster-enabled'], config.replicaof]).toEqual([true, { host: '127.0.0.1', port: 7000 }]);
  });

  test('leaves out a comment behind a directive where the line would be refused otherwise, and says so', () => {
    const text = "replicaof 127.0.0.1 7000  # Master's IP and port\nappendonly yes # a log\nrequirepass a#b\n";
    const { config, notices } = loadText(text);
    expect(config).toMatchObject({
      replicaof: { host: '127.0.0.1', port: 7000 },
      appendonly: true,
      requirepass: 'a#b',
    });
    expect(notices).toEqual([
      "/x.conf:1: the comment after 'replicaof 127.0.0.1 7000' is ignored; Redis would refuse the line",
      "/x.conf:2: the comment after 'appendonly yes' is ignored; Redis would refuse the line",
    ]);
    // What is wrong without the comment, too, is refused as it stands.
    expect(failureOf(() => loadText("port x # Master's"))).toMatchObject({ line: 1, reason: /Unbalanced quotes/ });
    expect(failureOf(() => loadText("requirepass 'a # b"))).toMatchObject({ line: 1, reason: /Unbalanced quotes/ });
    const rewritten = rewriteConfig(text, config);
    expect(rewritten).toMatch(/^replicaof 127.0.0.1 7000\nappendonly yes\nrequirepass "a#b"\n# Gen/);
    expect(loadText(rewritten).notices).toEqual([]);
  });

  test('makes dir absolute, each from the one before', () => {
    expect(loadText('dir data').config.dir).toBe('/work-folder/data');
    expect(loadText('dir /a\ndir b').config.dir).toBe('/a/b');
  });

  test('gives a daemon a pid file', () => {
    expect(loadText('daemonize yes').config.pidfile).toBe('/var/run/redis.pid');
    expect(loadText('daemonize yes\npidfile /p').config.pidfile).toBe('/p');
  });

  test('says what it accepts without effect, unless it is the default anyway', () => {
    const { notices, config } = loadText('io-threads 4\nactivedefrag no\nlua-replicate-commands yes');
    expect(config['io-threads']).toBe(4);
    expect(notices).toEqual([
      "'lua-replicate-commands' is obsolete and ignored",
      expect.stringMatching(/^'io-threads' is accepted but has no effect: commands run on one thread/),
    ]);
  });
});

describe('include', () => {
  test('reads another file at its place, relative to the working folder', () => {
    const files = { '/conf/x.conf': 'port 1\ninclude more.conf\nhz 5', '/work-folder/more.conf': 'port 2\nhz 6' };
    const { config } = load(['/conf/x.conf'], files);
    expect([config.port, config.hz, config.include]).toEqual([2, 5, [['more.conf']]]);
  });

  test('reads all files that a pattern matches, in the order of their names', () => {
    const files = {
      '/x.conf': 'include /etc/r/*.conf\ninclude /etc/none/*.conf\ninclude /etc/?/last',
      '/etc/r/b.conf': 'port 2',
      '/etc/r/a.conf': 'port 1',
      '/etc/r/.hidden.conf': 'port 3',
      '/etc/r/c.txt': 'port 4',
      '/etc/q/other': 'port 5',
      '/etc/r/last': 'hz 7',
    };
    const { config } = load(['/x.conf'], files);
    expect([config.port, config.hz]).toEqual([2, 7]);
  });

  test('of a file that is not there, or of itself, is refused', () => {
    expect(failureOf(() => loadText('include /nowhere')).message).toContain(
      "Fatal error, can't open config file '/nowhere': No such file",
    );
    expect(failureOf(() => loadText('include /x.conf')).reason).toBe('include files are nested more than 16 deep');
  });

  test('names the included file in a failure', () => {
    const failure = failureOf(() => load(['/x.conf'], { '/x.conf': 'include /y.conf', '/y.conf': '\nport x' }));
    expect([failure.file, failure.line, failure.directive]).toEqual(['/y.conf', 2, 'port']);
  });
});

describe('a failure', () => {
  test('tells file, line and reason in the shape that Redis has', () => {
    const failure = failureOf(() => loadText('hz 5\n  port abc  \n'));
    expect([failure.file, failure.line, failure.directive]).toEqual(['/x.conf', 2, 'port']);
    expect(failure.message.split('\n')).toEqual([
      '',
      '*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***',
      "Reading the configuration file '/x.conf', at line 2",
      ">>> 'port abc'",
      "argument couldn't be parsed into an integer",
    ]);
  });

  test('tells which option of the command line is wrong', () => {
    const { message } = failureOf(() => load(['--hz', '5', '--port', 'abc']));
    expect(message).toContain('Reading the command line, at line 2\n>>> \'port "abc"\'\n');
  });

  test('gives no reason to a file that is not there but its name', () => {
    expect(failureOf(() => load(['none.conf'])).reason).toContain("can't open config file '/work-folder/none.conf'");
  });

  test('refuses users in two places', () => {
    expect(failureOf(() => loadText('aclfile /a\nuser x on')).reason).toContain('not both');
  });

  test('refuses modules, which the server could not do without', () => {
    expect(failureOf(() => loadText('loadmodule /m.so')).reason).toBe('modules cannot be loaded');
  });
});

describe('any text', () => {
  const name = fc.constantFrom(...names, 'slaveof', 'sentinel', 'odd');
  const word = fc.constantFrom('yes', 'no', '1', '-5', '1gb', '""', '"', "'x y'", 'normal', '5%', 'default', '*', '\\');
  const line = fc
    .tuple(name, fc.array(fc.oneof(word, fc.string()), { maxLength: 5 }))
    .map((all) => all.flat().join(' '));

  /** Null when the text is refused, as it may be; nothing else may come of it. */
  const loadedFrom = (text: string): Config | null => {
    try {
      return loadText(text).config;
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigFailure);
      return null;
    }
  };

  test('is either loaded or refused with its place', () => {
    const outcomes = { loaded: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string({ unit: 'binary' })), { maxLength: 3 }), (lines) => {
        outcomes[loadedFrom(lines.join('\n')) === null ? 'refused' : 'loaded']++;
      }),
      { numRuns: 200 },
    );
    expect(Math.min(outcomes.loaded, outcomes.refused), JSON.stringify(outcomes)).toBeGreaterThan(10);
  });

  test('that is loaded comes through a rewrite unchanged', () => {
    const accepted = fc.sample(line, 400).filter((text) => loadedFrom(text) !== null);
    let rewrites = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...accepted), { maxLength: 6 }), (lines) => {
        const text = `dir /d\n${lines.join('\n')}`;
        const config = loadedFrom(text);
        // Lines that are good may be refused together.
        if (config === null) return;
        rewrites++;
        const rewritten = rewriteConfig(text, config);
        expect(loadText(rewritten).config).toEqual(config);
        expect(rewriteConfig(rewritten, config)).toBe(rewritten);
      }),
      { numRuns: 120 },
    );
    expect(rewrites).toBeGreaterThan(60);
  });
});

describe.skipIf(!hasRedisServer)('loadConfig beside redis-server', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rkv-conf-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('refuses with the same reason', () => {
    const bad = [
      'port',
      'port 1 2',
      'port abc',
      'port 70000',
      'nonsense 1',
      'maxmemory 1.5gb',
      'appendfsync often',
      'appendonly maybe',
      'save 900',
      'save 0 1',
      'save a b',
      'client-output-buffer-limit normal 1 2',
      'client-output-buffer-limit odd 1 2 3',
      'client-output-buffer-limit normal x 2 3',
      'oom-score-adj-values 1 2',
      'oom-score-adj-values 1 2 3000',
      'latency-tracking-info-percentiles 101',
      'latency-tracking-info-percentiles a',
      'notify-keyspace-events q',
      'unixsocketperm 999',
      'unixsocketperm 1777',
      'dbfilename a/b',
      'appenddirname a/b',
      'appenddirname ""',
      'appendfilename ""',
      'dir ""',
      'replicaof ""',
      'shutdown-on-sigint ""',
      'client-output-buffer-limit ""',
      'oom-score-adj-values ""',
      'cluster-announce-hostname "a b"',
      'proc-title-template {odd}',
      'proc-title-template "{title"',
      'maxmemory-clients 101%',
      'maxmemory-clients x',
      'shutdown-on-sigint now odd',
      'replicaof host',
      'replicaof host 70000',
      'hz 010',
      'requirepass "open',
      'rename-command CONFIG',
      'sentinel monitor x',
      'proto-max-bulk-len 1',
      'tls-auth-clients perhaps',
      'bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17',
      'list-max-listpack-size 3000000000',
      'enable-debug-command maybe',
    ];
    const reasons = bad.map((line) => {
      const path = join(folder, 'bad.conf');
      writeFileSync(path, `${line}\n`);
      const real = spawnSync('redis-server', [path, '--port', '0'], { encoding: 'utf8', timeout: 20_000 });
      const reason = failureOf(() => loadConfig({ argv: [path], ...realFiles })).reason;
      return { line, real: real.stderr.trimEnd().split('\n').at(-1), ours: reason };
    });
    expect(reasons.map(({ line, ours }) => ({ line, reason: ours }))).toEqual(
      reasons.map(({ line, real }) => ({ line, reason: real })),
    );
  });
});

test('save without a value turns saving off', () => {
  const { config } = loadConfig({ ...realFiles, argv: ['-'], readStdin: () => 'save 900 1\nsave\n' });
  expect(config.save).toEqual([]);
});
