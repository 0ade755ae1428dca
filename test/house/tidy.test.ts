import { describe, expect, test } from 'vitest';
import { checkAll, format } from '../../scripts/tidy/rules.ts';
import { functionsOf, importsOf, readSource } from '../../scripts/tidy/source.ts';

/* Each rule of tidy is shown a small violation and must name it, and shown the allowed form and must be silent. */

describe('layers', () => {
  test('base imports nothing of ours', () => {
    const found = check({ 'src/base/glob.ts': "import { parse } from '../config/conf-file.ts';" });
    expect(found).toEqual(['src/base/glob.ts:1: layers: base may not import config (../config/conf-file.ts)']);
  });

  test('the command line does not import the server', () => {
    const found = check({ 'src/cluster/machine/process.ts': "\nimport { main } from '../../server/main.ts';" });
    expect(found).toEqual([
      'src/cluster/machine/process.ts:2: layers: cluster/machine may not import server/*.ts (../../server/main.ts)',
    ]);
  });

  test('an import over several lines is seen, and so is a dynamic one', () => {
    const several = "import {\n  one,\n  two,\n} from '../data/packed.ts';";
    expect(check({ 'src/server/gossip/step.ts': several })).toEqual([
      'src/server/gossip/step.ts:4: layers: server/gossip may not import server/data (../data/packed.ts)',
    ]);
    const dynamic = "const loading = import('../handlers/table.ts');";
    expect(check({ 'src/server/keyspace/expiry.ts': dynamic })).toEqual([
      'src/server/keyspace/expiry.ts:1: layers: server/keyspace may not import server/handlers (../handlers/table.ts)',
    ]);
  });

  test('what stands in a comment or in a string is no import', () => {
    const text =
      "// import { x } from '../server/main.ts';\nconst text = `\nimport { y } from '../server/main.ts';\n`;";
    expect(check({ 'src/cluster/spec/plan.ts': text })).toEqual([]);
  });

  test('the server and client records import types of the other parts, and nothing else of them', () => {
    expect(check({ 'src/server/state/server.ts': "import type { Keyspace } from '../keyspace/database.ts';" })).toEqual(
      [],
    );
    expect(check({ 'src/server/state/server.ts': "import { Keyspace } from '../keyspace/database.ts';" })).toEqual([
      'src/server/state/server.ts:1: layers: server/state may import only types of server/keyspace (../keyspace/database.ts)',
    ]);
  });

  test('files of one folder import each other, and every lower layer', () => {
    const text = "import { find } from './lookup.ts';\nimport { slotOf } from '../../base/slot.ts';";
    expect(check({ 'src/server/keyspace/database.ts': text })).toEqual([]);
  });

  test('a folder that the table does not know has no place', () => {
    expect(check({ 'src/server/magic/spell.ts': '' })).toEqual([
      'src/server/magic/spell.ts:1: layers: this folder is not in scripts/tidy/layers.ts',
    ]);
  });

  test('imports end in .ts', () => {
    expect(check({ 'src/base/slot.ts': "import { crc16 } from './crc16.js';" })).toEqual([
      "src/base/slot.ts:1: layers: './crc16.js' does not end in .ts or .tsx",
    ]);
  });
});

describe('packages and modules of Node', () => {
  test('the server knows no package', () => {
    expect(check({ 'src/server/net/connection.ts': "import { Redis } from 'ioredis';" })).toEqual([
      'src/server/net/connection.ts:1: layers: server/net may not import the package ioredis',
    ]);
  });

  test('a package is known by one file', () => {
    const text = "import { execa } from 'execa';";
    expect(check({ 'src/cluster/machine/process.ts': text })).toEqual([]);
    expect(check({ 'src/cluster/machine/process.ts': text, 'src/cluster/machine/run.ts': text })).toEqual([
      'src/cluster/machine/run.ts:1: layers: only one file may know the package execa, and that is src/cluster/machine/process.ts',
    ]);
  });

  test('parts of a package count as the package', () => {
    expect(check({ 'src/view/frame.tsx': "import { jsx } from 'react/jsx-runtime';" })).toEqual([]);
    expect(check({ 'src/commands/verify.ts': "import { handle } from '@oclif/core/handle';" })).toEqual([]);
  });

  test('one file of the server parts touches the disk', () => {
    const text = "import { openSync } from 'node:fs';";
    expect(check({ 'src/server/persistence/disk.ts': text, 'src/server/main.ts': text })).toEqual([]);
    expect(check({ 'src/server/persistence/aof-log.ts': text })).toEqual([
      'src/server/persistence/aof-log.ts:1: layers: node:fs does not belong here: files are the business of persistence/disk.ts',
    ]);
  });
});

describe('cycles', () => {
  const closing = { 'src/base/a.ts': "import { b } from './b.ts';", 'src/base/b.ts': "import { c } from './c.ts';" };

  test('a cycle of imports is named with all its files', () => {
    expect(check({ ...closing, 'src/base/c.ts': "import { a } from './a.ts';" })).toEqual([
      'src/base/a.ts:1: cycles: src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts',
    ]);
  });

  test('an import of types closes a cycle, too, but not yet in the server', () => {
    const types = { 'src/base/c.ts': "import type { A } from './a.ts';" };
    expect(check({ ...closing, ...types })).toHaveLength(1);
    const server = Object.entries({ ...closing, ...types }).map(([path, text]) => [
      path.replace('base', 'server/net'),
      text,
    ]);
    expect(check(Object.fromEntries(server))).toEqual([]);
  });
});

describe('sizes', () => {
  test('a file of 501 lines is too long, one of 500 is not', () => {
    expect(check({ 'src/base/long.ts': 'x();\n'.repeat(501) })).toEqual([
      'src/base/long.ts:1: size: 501 lines; a file ends at 500',
    ]);
    expect(check({ 'src/base/long.ts': 'x();\n'.repeat(500) })).toEqual([]);
  });

  test('a function of 71 lines is too long, in every way to write one', () => {
    const body = `{\n${'  x();\n'.repeat(69)}}`;
    const rows: [string, string][] = [
      ['long', `function long(a: number) ${body}`],
      ['long', `export async function long<T>(a: T): Promise<{ b: T }> ${body}`],
      ['long', `const long = (a: number): void => ${body}`],
      ['long', `class A {\nlong(a: number): asserts a is 3 ${body}\n}`],
      ['constructor', `class A {\nconstructor(a: number) ${body}\n}`],
      ['#long', `class A {\n#long(a: [number, (b: string) => void]): string[] | null ${body}\n}`],
      ['long', `function long(\n  a: number,\n): void ${body.replace('  x();\n', '').replace('  x();\n', '')}`],
    ];
    for (const [name, text] of rows) {
      const [finding] = check({ 'src/base/long.ts': text });
      expect(finding, text.split('{')[0]).toMatch(new RegExp(`: size: ${name} has 71 lines; a function ends at 70$`));
    }
  });

  test('tables, classes and control flow are no functions', () => {
    const body = `{\n${'  x: 1,\n'.repeat(80)}}`;
    const texts = [`const table = ${body}`, `class A extends mixed(B) ${body}`, `if (a) ${body}`, `for (;;) ${body}`];
    for (const text of texts) expect(check({ 'src/base/long.ts': text })).toEqual([]);
  });
});

test('a name that says nothing is refused, for a file and for a folder', () => {
  expect(check({ 'src/base/utils.ts': '' })).toEqual([
    "src/base/utils.ts:1: names: 'utils' does not say what is inside",
  ]);
  expect(check({ 'src/cluster/run/helpers/ports.ts': '' })).toEqual([
    "src/cluster/run/helpers/ports.ts:1: names: 'helpers' does not say what is inside",
  ]);
  expect(check({ 'src/server/net/types.ts': '' })).toHaveLength(1);
  expect(check({ 'src/server/types/set.ts': '', 'test/server/types/set.test.ts': '' })).toEqual([]);
});

test('whoever asks of which type a value is, rather than its record, is found', () => {
  const texts = [
    'if (a instanceof ListObject) b();',
    'switch (a) {\n  case TYPE_SET:\n}',
    'switch (a) { case encoding.TYPE_LIST: }',
  ];
  for (const text of texts) {
    expect(check({ 'src/server/persistence/a.ts': text })[0], text).toMatch(/: value types: /);
    expect(check({ 'src/server/types/list.ts': text }), text).toEqual([]);
  }
  expect(check({ 'src/server/handlers/a.ts': 'if (db.typeOf(ref) !== TYPE_SET) throw WRONG_TYPE;' })).toEqual([]);
});

test('barrels are refused, and index.ts alone passes on what others export', () => {
  expect(check({ 'src/base/all.ts': "export * from './slot.ts';" }).length).toBeGreaterThan(0);
  expect(check({ 'src/base/all.ts': "export { slotOf } from './slot.ts';" })).toEqual([
    'src/base/all.ts:1: barrels: only src/index.ts passes on what others export',
  ]);
  expect(check({ 'src/index.ts': "export { planCluster } from './cluster/spec/plan.ts';" })).toEqual([]);
});

describe('leftovers', () => {
  test.each([
    ['a note to do something', 'src/base/a.ts', '// TODO: later'],
    ['a note to mend something', 'test/base/a.test.ts', '/* FIXME */'],
    ['an error told to be quiet', 'src/base/a.ts', '// @ts-ignore'],
    ['a type given up', 'bench/a.ts', 'const a = b as any;'],
    ['a breakpoint', 'src/base/a.ts', 'debugger;'],
    ['a print', 'src/server/main.ts', 'console.log(a);'],
    ['the only test that runs', 'test/base/a.test.ts', "test.only('a', () => {});"],
    ['a test that never runs', 'test/base/a.test.ts', "describe.skip('a', () => {});"],
  ])('%s is found', (_, path, text) => {
    expect(check({ [path]: text })).toHaveLength(1);
    expect(check({ [path]: text })[0]).toMatch(/:1: leftovers: /);
  });

  test('the same words in a string are text', () => {
    expect(check({ 'src/base/a.ts': "const a = 'TODO console.log as any debugger';" })).toEqual([]);
  });

  test('a test that is skipped for a stated reason may stay', () => {
    expect(check({ 'test/wire/a.test.ts': "describe.skipIf(!hasRedisServer)('a', () => {});" })).toEqual([]);
  });
});

test('nothing waits in the data plane', () => {
  const text = 'export async function get() {\n  await a;\n}';
  expect(check({ 'src/server/handlers/string.ts': text })).toHaveLength(2);
  expect(check({ 'src/server/keyspace/expiry.ts': text })).toHaveLength(2);
  expect(check({ 'src/server/persistence/loader.ts': text })).toEqual([]);
});

test('the server keeps no state in a module', () => {
  expect(check({ 'src/server/net/output.ts': 'let shared = 1;' })).toHaveLength(1);
  expect(check({ 'src/server/net/output.ts': 'export const clients: Map<number, A> = new Map();' })).toHaveLength(1);
  expect(check({ 'src/server/net/output.ts': 'function a() {\n  let own = 1;\n}' })).toEqual([]);
  expect(check({ 'src/server/net/output.ts': "const NAMES = new Set(['a', 'b']);" })).toEqual([]);
});

test('the server takes time and chance from outside', () => {
  expect(check({ 'src/server/cron.ts': 'const now_ms = Date.now();\nsetTimeout(a, 1);' })).toHaveLength(2);
  expect(check({ 'src/server/cron.ts': 'const now_ms = clock.now_ms();\nclock.setTimeout(a, 1);' })).toEqual([]);
});

test('words of the place where the project is made are found, in comments as well', () => {
  const word = ['a', 'gents'].join('');
  expect(check({ 'src/base/a.ts': `// written for ${word}` })).toHaveLength(1);
  expect(check({ 'src/base/a.ts': 'const userAgent = config.userAgent;' })).toEqual([]);
});

describe('reading a source', () => {
  test('strings, templates, regular expressions and comments are told apart', () => {
    const text = [
      "const a = 'it\\'s // not a comment';",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source under test.
      'const b = `${c ? `inner ${d} {` : "}"} /* text */`;',
      'const e = /["\'`/*]\\/[/]/.test(f) ? g / h / 2 : 0; // a comment',
      'const i = 1;',
    ].join('\n');
    const { code, comments } = readSource('src/base/a.ts', text);
    expect(code).toHaveLength(text.length);
    expect(comments.trim()).toBe('// a comment');
    expect(code.split('\n').map((line) => line.replace(/\s+/g, ' ').trim())).toEqual([
      "const a = ' ';",
      'const b = ` {c ? ` {d} ` : " "} `;',
      'const e = / /.test(f) ? g / h / 2 : 0;',
      'const i = 1;',
    ]);
  });

  test('imports are told by kind', () => {
    const source = readSource(
      'a.ts',
      "import type { A } from './a.ts';\nimport './b.ts';\nexport { c } from './c.ts';",
    );
    expect(importsOf(source)).toEqual([
      { specifier: './a.ts', line: 1, isType: true, isDynamic: false, isReexport: false },
      { specifier: './b.ts', line: 2, isType: false, isDynamic: false, isReexport: false },
      { specifier: './c.ts', line: 3, isType: false, isDynamic: false, isReexport: true },
    ]);
  });

  test('a function inside another has its own length', () => {
    const text = 'function outer() {\n  const inner = () => {\n    x();\n  };\n}\n';
    expect(functionsOf(readSource('a.ts', text))).toEqual([
      { name: 'inner', line: 2, lines: 3 },
      { name: 'outer', line: 1, lines: 5 },
    ]);
  });
});

function check(files: Record<string, string>): string[] {
  return checkAll(Object.entries(files).map(([path, text]) => readSource(path, text))).map(format);
}
