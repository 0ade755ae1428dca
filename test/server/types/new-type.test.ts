/*
 * What ARCHITECTURE.md promises of a new type of values: one file and its line in the table, and files, payloads, the
 * rewritten log, COPY, SCAN and DEBUG DIGEST know it. Tried on a copy of the sources that gets such a type.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Two strings, which lie in the record one behind the other, the first with its length before it. */
const PAIR = `
import type { RecordReader } from '../data/record.ts';
import type { Entry } from '../keyspace/database.ts';
import type { RdbInput } from '../rdb/input.ts';
import { awaitString } from './reader-tools.ts';
import { dumpValue } from './dump.ts';
import type { ValueType } from './value-type.ts';

const PAIR = 5;
const RDB_PAIR = 30;

export const pairType: ValueType = {
  id: PAIR,
  name: 'pair',
  length: () => 2,
  walk(records, ref, _cursor, _count, visit) {
    const buf = records.valueBuf(ref);
    const off = records.valueOff(ref);
    const first = buf[off]!;
    visit(buf, off + 1, first);
    visit(buf, off + 1 + first, records.valueLen(ref) - 1 - first);
    return 0;
  },
  digest(into, records, ref) {
    pairType.walk(records, ref, 0, 2, (buf, off, len) => into.mix(buf, off, len));
  },
  rdbType: () => RDB_PAIR,
  write(out, records, ref) {
    pairType.walk(records, ref, 0, 2, (buf, off, len) => out.string(buf, off, len));
    return null;
  },
  readers: { [RDB_PAIR]: read },
  rewrite(out, records, ref) {
    const payload = dumpValue(records, ref, { compression: false });
    out.command(4);
    out.argument(Buffer.from('RESTORE'), 0, 7);
    out.argument(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
    out.argument(Buffer.from('0'), 0, 1);
    out.argument(payload, 0, payload.length);
    return null;
  },
};

function* read(input: RdbInput): Generator<void, Entry> {
  const first = yield* awaitString(input);
  const second = yield* awaitString(input);
  const bytes = Buffer.concat([Buffer.from([first.length]), first, second]);
  return { type: PAIR, encoding: 0, deadline_ms: -1, bytes, object: null };
}
`;

const SCRIPT = `
import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Crc64 } from './base/crc64.ts';
import { startServer } from './server/embedded.ts';

const dir = process.argv[2]!;
const options = {
  dir, appendonly: 'yes', 'aof-use-rdb-preamble': 'no', 'enable-debug-command': 'yes', log: () => {},
} as const;
const body = Buffer.concat([Buffer.from([30, 3]), Buffer.from('one'), Buffer.from([3]), Buffer.from('two'), Buffer.from([10, 0])]);
const crc = new Crc64();
crc.update(body);
const payload = Buffer.concat([body, crc.digest()]);

let server = await startServer(options);
const bytes = async (key: string) => Buffer.from(String(await server.call('DUMP', key)), 'latin1').toString('hex');
await server.call('RESTORE', 'a', '0', payload);
await server.call('SET', 'text', 'x');
await server.call('COPY', 'a', 'b');
const dump = await bytes('a');
const digest = String(await server.call('DEBUG', 'DIGEST'));
const values = await server.call('DEBUG', 'DIGEST-VALUE', 'a', 'b', 'text');
const said = {
  type: await server.call('TYPE', 'a'),
  scanned: ((await server.call('SCAN', '0', 'TYPE', 'pair')) as [string, string[]])[1].sort(),
  wrongType: await server.call('GET', 'a').catch((error: Error) => error.message),
  copied: (await bytes('b')) === dump,
  digests: values,
};
await server.call('DEBUG', 'RELOAD');
const reloaded = String(await server.call('DEBUG', 'DIGEST')) === digest;
await server.call('BGREWRITEAOF');
while (!/aof_rewrite_in_progress:0/.test(String(await server.call('INFO', 'persistence')))) await new Promise(setImmediate);
await server.close();
const folder = join(dir, 'appendonlydir');
const base = readdirSync(folder).find((name) => name.endsWith('.base.aof'))!;
const rewritten = readFileSync(join(folder, base), 'latin1').split('RESTORE').length - 1;
server = await startServer(options);
const replayed = String(await server.call('DEBUG', 'DIGEST')) === digest;
await server.close();
process.stdout.write(JSON.stringify({ ...said, reloaded, rewritten, replayed }));
`;

test('a new type is one file and a line of the table, and then everything knows it', async () => {
  const copy = temporaryFolder();
  for (const part of ['base', 'config', 'server'])
    cpSync(join(ROOT, 'src', part), join(copy, part), { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  const table = join(copy, 'server/types/table.ts');
  const listed = readFileSync(table, 'utf8').replace('[stringType,', '[pairType, stringType,');
  expect(listed).toContain('pairType');
  writeFileSync(table, `import { pairType } from './pair.ts';\n${listed}`);
  writeFileSync(join(copy, 'server/types/pair.ts'), PAIR);
  writeFileSync(join(copy, 'try.ts'), SCRIPT);
  const { stdout } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(copy, 'try.ts'), temporaryFolder()],
    {
      timeout: 30_000,
    },
  );
  const said = JSON.parse(stdout) as { digests: string[] } & Record<string, unknown>;
  const { digests, ...rest } = said;
  expect(rest).toEqual({
    type: 'pair',
    scanned: ['a', 'b'],
    wrongType: 'WRONGTYPE Operation against a key holding the wrong kind of value',
    copied: true,
    reloaded: true,
    rewritten: 2,
    replayed: true,
  });
  expect(digests[0]).toBe(digests[1]);
  expect(digests[0]).not.toBe(digests[2]);
});
