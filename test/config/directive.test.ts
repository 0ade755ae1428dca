import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DirectiveRefusal, formatMemory, parseMemory } from '../../src/config/directive.ts';
import {
  type Config,
  defaultConfig,
  directiveOf,
  directives,
  findName,
  formatSetting,
  names,
  topics,
} from '../../src/config/directives.ts';
import { splitWords } from '../../src/config/words.ts';

describe('the table', () => {
  test('gives every value the type of its directive', () => {
    const config: Config = defaultConfig();
    const fsync: 'everysec' | 'always' | 'no' = config.appendfsync;
    const port: number = config.port;
    const enabled: boolean = config['cluster-enabled'];
    const limit: number = config['client-output-buffer-limit'].pubsub.soft_s;
    expect([fsync, port, enabled, limit, config.replicaof]).toEqual(['everysec', 6379, false, 60, null]);
  });

  test('has every directive in one topic, with words for people', () => {
    expect(topics.flatMap((topic) => topic.names).sort()).toEqual([...names].sort());
    for (const name of names) {
      const { doc, since, kind, allowed, status, reason } = directiveOf(name);
      expect(doc, name).toMatch(/^[A-Z].*[.)]$/);
      expect(since, name).toMatch(/^[1-7]\.\d+\.\d+$/);
      expect(
        [kind, allowed].every((text) => text !== ''),
        name,
      ).toBe(true);
      expect(reason === null, name).toBe(status === 'obeyed');
    }
  });

  test('knows each name and older name once, in any case', () => {
    const all = names.flatMap((name) => [name, ...directiveOf(name).aliases]);
    expect(new Set(all).size).toBe(all.length);
    expect([findName('SlaveOf'), findName('lua-time-limit'), findName('nothing')]).toEqual([
      'replicaof',
      'busy-reply-threshold',
      null,
    ]);
  });

  test('reads back every default from what CONFIG GET and what a file would show', () => {
    const config = defaultConfig();
    for (const name of names) {
      const directive = directiveOf(name);
      const shown = formatSetting(config, name);
      if (directive.fileOnly) continue;
      if (!(name === 'replicaof' && shown === '')) expect(directive.parse(shown), name).toEqual(directive.initial);
      let value: unknown = directive.initial;
      directive.formatLines(directive.initial).forEach((line, i) => {
        const words = splitWords(line)!;
        const next = directive.parseWords(words, value);
        value = directive.join !== null && i > 0 ? directive.join(value, next) : next;
      });
      expect(value, name).toEqual(directive.initial);
    }
  });

  test('refuses two words where one is meant, and an unknown word of a list', () => {
    expect(() => directives.port.parseWords(['1', '2'])).toThrow(new DirectiveRefusal('wrong number of arguments'));
    expect(() => directives.appendfsync.parse('often')).toThrow('everysec, always, no');
  });
});

describe('memory sizes', () => {
  test('have units of a thousand and of 1024', () => {
    const rows: [string, number | null][] = [
      ['0', 0],
      ['100', 100],
      ['1b', 1],
      ['1k', 1000],
      ['1kb', 1024],
      ['1M', 1e6],
      ['512mb', 2 ** 29],
      ['1g', 1e9],
      ['2GB', 2 ** 31],
      ['1.5gb', null],
      ['-1', null],
      ['mb', null],
      ['1tb', null],
      ['', null],
    ];
    for (const [text, bytes] of rows) expect(parseMemory(text), text).toBe(bytes);
  });

  test('are written with a unit that loses nothing', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 1024, 2 ** 20, 2 ** 30), (n, unit) => {
        const bytes = n * unit;
        fc.pre(Number.isSafeInteger(bytes));
        expect(parseMemory(formatMemory(bytes))).toBe(bytes);
      }),
    );
    expect([0, 1, 3000, 4096, 2 ** 26, 3 * 2 ** 30].map(formatMemory)).toEqual([
      '0',
      '1',
      '3000',
      '4kb',
      '64mb',
      '3gb',
    ]);
  });
});

describe('special kinds', () => {
  test('a limit of one class of clients leaves the others', () => {
    const directive = directives['client-output-buffer-limit'];
    const limits = directive.parse('slave 1mb 2k 3', directive.initial);
    expect(limits).toEqual({ ...directive.initial, replica: { hard: 2 ** 20, soft: 2000, soft_s: 3 } });
    expect(directive.format(limits)).toBe('normal 0 0 0 slave 1048576 2000 3 pubsub 33554432 8388608 60');
  });

  test('event classes are kept in full and shown short', () => {
    const directive = directives['notify-keyspace-events'];
    expect(directive.parse('KEA')).toBe('g$lshzxetdKE');
    expect(['KEA', 'gE$', '', 'Kn', 'KEg$lszhxetdmn'].map((text) => directive.format(directive.parse(text)))).toEqual([
      'AKE',
      'g$E',
      '',
      'nK',
      'AKEm',
    ]);
  });

  test('a percentage of memory is not a size', () => {
    const directive = directives['maxmemory-clients'];
    expect([directive.parse('5%'), directive.parse('5kb')]).toEqual([{ percent: 5 }, { bytes: 5120 }]);
  });

  test('replicaof no one is nobody', () => {
    expect(directives.replicaof.parse('NO one')).toBeNull();
    expect(directives.replicaof.parse('host 7000')).toEqual({ host: 'host', port: 7000 });
    expect(() => directives.replicaof.parse('host 70000')).toThrow('Invalid master port');
  });

  test('permissions are octal', () => {
    expect(directives.unixsocketperm.parse('755')).toBe(0o755);
    expect(directives.unixsocketperm.format(0o700)).toBe('700');
  });
});
