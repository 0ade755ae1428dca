import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, realFiles } from '../../src/config/conf-file.ts';
import { DirectiveRefusal } from '../../src/config/directive.ts';
import { defaultConfig } from '../../src/config/directives.ts';
import { type OnChange, SettingFailure, Settings } from '../../src/config/settings.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { shownByBoth } from '../support/as-7-0.ts';

function settings(onChange: OnChange = {}): Settings {
  return new Settings(defaultConfig(), onChange);
}

/** 'OK', or the text of the error as a client sees it. */
function setting(on: Settings, ...words: string[]): string {
  const pairs: [string, string][] = [];
  for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
  try {
    on.set(pairs);
    return 'OK';
  } catch (error) {
    if (error instanceof SettingFailure) return `ERR ${error.message}`;
    throw error;
  }
}

describe('CONFIG GET', () => {
  test('finds names and patterns in any case, each setting once', () => {
    expect(settings().get(['MAXMEMORY', 'maxmem*', 'MAXMEMORY-S?mples', 'nothing'])).toEqual([
      ['maxmemory-clients', '0'],
      ['maxmemory', '0'],
      ['maxmemory-policy', 'noeviction'],
      ['maxmemory-samples', '5'],
      ['maxmemory-eviction-tenacity', '10'],
    ]);
  });

  test('shows older names beside the new ones only where they match', () => {
    expect(settings().get(['*-priority'])).toEqual([
      ['replica-priority', '100'],
      ['slave-priority', '100'],
    ]);
    expect(settings().get(['slaveof'])).toEqual([['slaveof', '']]);
  });

  test('does not show what lives in files only', () => {
    expect(settings().get(['user', 'include', 'rename-*', 'loadmodule'])).toEqual([]);
  });
});

describe('CONFIG SET', () => {
  test('changes the live configuration, and then tells what hangs on it', () => {
    const seen: number[] = [];
    const on = settings({ hz: () => seen.push(on.config.hz) });
    expect(setting(on, 'hz', '50', 'Timeout', '7')).toBe('OK');
    expect([on.config.hz, on.config.timeout, seen]).toEqual([50, 7, [50]]);
  });

  test('tells once for several directives with the same consequence, and not at all for the same value', () => {
    let told = 0;
    const tell = (): void => void told++;
    const on = settings({ hz: tell, timeout: tell });
    setting(on, 'hz', '50', 'timeout', '7');
    setting(on, 'hz', '50');
    expect(told).toBe(1);
  });

  test('tells of files that are named again, because what is in them may have changed', () => {
    let told = 0;
    const on = settings({ 'tls-cert-file': () => told++ });
    setting(on, 'tls-cert-file', '');
    expect(told).toBe(1);
  });

  test('changes nothing when any value is wrong', () => {
    const on = settings();
    expect(setting(on, 'hz', '50', 'timeout', 'x')).toContain("argument 'timeout'");
    expect(on.config).toEqual(defaultConfig());
  });

  test('puts everything back when a consequence refuses', () => {
    const log: string[] = [];
    const on = settings({
      hz: () => log.push(`hz ${on.config.hz}`),
      port() {
        log.push(`port ${on.config.port}`);
        if (on.config.port === 1) throw new DirectiveRefusal('Unable to listen on this port. Check server logs.');
      },
      timeout: () => log.push('timeout'),
    });
    expect(setting(on, 'hz', '50', 'port', '1', 'timeout', '7')).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
    );
    expect(on.config).toEqual(defaultConfig());
    expect(log).toEqual(['hz 50', 'port 1', 'hz 10', 'port 6379']);
  });

  test('lets a broken invariant through', () => {
    const on = settings({
      hz() {
        throw new TypeError('ours');
      },
    });
    expect(() => setting(on, 'hz', '50')).toThrow(TypeError);
  });

  test('changes a protected directive only for those who may', () => {
    const on = settings();
    expect(setting(on, 'dbfilename', 'x')).toContain("can't set protected config");
    on.set([['dbfilename', 'x']], true);
    expect(on.config.dbfilename).toBe('x');
  });
});

describe.skipIf(!hasRedisServer)('settings beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis(['--tcp-backlog', '99', '--save', '60 1']);
  });
  afterAll(() => redis.stop());

  test('CONFIG GET * shows the same names with the same defaults', async () => {
    const flat = (await redis.call('CONFIG', 'GET', '*')) as string[];
    const real = new Map<string, string>();
    for (let i = 0; i < flat.length; i += 2) real.set(flat[i]!, flat[i + 1]!);
    const argv = ['--port', '0', '--tcp-backlog', '99', '--save', '60 1', '--unixsocket', redis.socket];
    const { config } = loadConfig({ argv: [...argv, '--dir', redis.folder], ...realFiles });
    const ours = new Map(new Settings(config).get(['*']));
    const shown = (all: Map<string, string>): [string, string][] =>
      [...all].filter(([name]) => shownByBoth(name)).sort();
    expect(shown(ours)).toEqual(shown(real));
  });

  test('CONFIG GET finds what Redis finds', async () => {
    const on = settings();
    for (const patterns of [
      ['*hz'],
      ['SLAVE*', 'repl-*'],
      ['port', 'PORT'],
      ['[p-t]im*', 'hz', 'x?'],
      ['user'],
      ['**'],
    ]) {
      const flat = (await redis.call('CONFIG', 'GET', ...patterns)) as string[];
      const found = flat.filter((name, i) => i % 2 === 0 && shownByBoth(name)).sort();
      expect(
        on
          .get(patterns)
          .map(([name]) => name)
          .filter(shownByBoth)
          .sort(),
        patterns.join(' '),
      ).toEqual(found);
    }
  });

  test('CONFIG SET answers what Redis answers', async () => {
    const on = settings();
    const tries = [
      ['foo', 'bar'],
      ['user', 'x'],
      ['include', 'x'],
      ['databases', '20', 'foo', 'bar'],
      ['foo', 'bar', 'databases', '20'],
      ['hz', 'abc', 'databases', '20'],
      ['timeout', 'abc', 'hz', 'abc'],
      ['timeout', '5', 'TIMEOUT', '6'],
      ['timeout', '5', 'timeout', 'abc', 'databases', '20'],
      ['dir', 'x', 'databases', '20'],
      ['slave-priority', '5', 'replica-priority', '6'],
      ['slave-priority', '5', 'slave-priority', '6'],
      ['replica-priority', '5', 'slave-priority', 'x'],
      ['enable-protected-configs', 'yes'],
      ['replicaof', 'a 1'],
      ['timeout', '1k'],
      ['timeout', ''],
      ['timeout', '-1'],
      ['timeout', '007'],
      ['hz', '0'],
      ['hz', '501'],
      ['maxclients', '0'],
      ['maxmemory', '1gb'],
      ['maxmemory', '-1'],
      ['maxmemory', '99999999999999999999999'],
      ['maxmemory-clients', '5%'],
      ['maxmemory-clients', '101%'],
      ['slowlog-max-len', '9223372036854775807'],
      ['slowlog-log-slower-than', '-2'],
      ['appendfsync', 'ALWAYS'],
      ['appendfsync', 'always no'],
      ['save', '900 1 300 10'],
      ['save', '900'],
      ['save', ''],
      ['save', '  60   5 '],
      ['client-output-buffer-limit', 'replica 1mb 2 3 normal 1 1 1'],
      ['client-output-buffer-limit', 'PUBSUB 1gb 2 3'],
      ['client-output-buffer-limit', 'pubsub 1 2'],
      ['notify-keyspace-events', 'KEA'],
      ['notify-keyspace-events', 'KEAm'],
      ['notify-keyspace-events', 'Kg$n'],
      ['notify-keyspace-events', 'q'],
      ['oom-score-adj-values', '3 2 1'],
      ['oom-score-adj-values', '1 2 3'],
      ['latency-tracking-info-percentiles', '50 99.5 100'],
      ['latency-tracking-info-percentiles', ''],
      ['latency-tracking-info-percentiles', '1 101'],
      ['shutdown-on-sigterm', 'force NOW'],
      ['shutdown-on-sigterm', 'default'],
      ['shutdown-on-sigterm', 'now odd'],
      ['proc-title-template', '{odd}'],
      ['cluster-announce-hostname', 'a_b'],
      ['cluster-announce-hostname', 'a.b-c'],
      ['requirepass', ''],
      ['tls-protocols', 'anything'],
      ['list-max-ziplist-size', '-3'],
      ['lua-time-limit', '7'],
    ];
    for (const words of tries) {
      const title = words.join(' ');
      const reply = await redis.refusal('CONFIG', 'SET', ...words);
      expect(setting(on, ...words), title).toBe(reply.replace('no error: ', ''));
      const shown = (await redis.call('CONFIG', 'GET', words[0]!)) as string[];
      // The two started with different values.
      if (reply.startsWith('ERR')) continue;
      expect(on.get([words[0]!]).flat(), title).toEqual(shown);
    }
  });
});
