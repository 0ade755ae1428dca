import { expect, it } from 'vitest';
import { copyOfValue } from '../../../src/server/keyspace/copy-value.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { ALL } from '../../../src/server/types/elements.ts';
import { setFields, walkHash } from '../../../src/server/types/hash-value.ts';
import { pushValues, type Values, walkList } from '../../../src/server/types/list-value.ts';
import { addMembers, forEachMember } from '../../../src/server/types/set-value.ts';

const KEY = Buffer.from('key');
const TWIN = Buffer.from('twin');

/** A field and its value, which are the same. */
function pairOf(text: string): Values {
  return { buf: Buffer.from(text), off: Int32Array.of(0, 0), len: Int32Array.of(text.length, text.length) };
}

it.each([
  'a string',
  'a big string',
  'a list',
  'a big list',
  'an intset',
  'a set',
  'a big set',
  'a hash',
  'a big hash',
])('a copy of %s is the same, and stays it when the first one changes', (kind) => {
  const db = new Keyspace({ databases: 1, seed: 1 }).databases[0]!;
  const find = (key: Buffer): number => db.find(key, 0, key.length);
  const add = (text: string): void => {
    const values = { buf: Buffer.from(text), off: new Int32Array([0]), len: new Int32Array([text.length]) };
    if (kind.includes('list')) pushValues(db, KEY, 0, KEY.length, find(KEY), 'tail', values, 0, 1);
    else if (kind.includes('hash')) setFields(db, KEY, 0, KEY.length, find(KEY), pairOf(text), 0, 2);
    else if (kind.includes('set')) addMembers(db, KEY, 0, KEY.length, find(KEY), values, 0, 1);
    else db.append(KEY, 0, KEY.length, values.buf, 0, text.length);
  };
  const read = (key: Buffer): string[] => {
    const ref = find(key);
    const parts: string[] = [];
    const visit = (buf: Buffer, off: number, len: number): void => {
      parts.push(buf.toString('latin1', off, off + len));
    };
    if (kind.includes('list')) walkList(db, ref, 0, ALL, visit);
    else if (kind.includes('hash')) walkHash(db, ref, 0, ALL, visit);
    else if (kind.includes('set')) forEachMember(db, ref, visit);
    else visit(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref));
    return parts;
  };
  const total = kind.includes('big') ? 6000 : 3;
  for (let i = 0; i < total; i++) add(kind === 'an intset' ? `${i}` : `part ${i}`);
  db.setDeadline(KEY, 0, KEY.length, 5);
  const before = read(KEY);
  const copy = copyOfValue(db, find(KEY));
  expect(copy.deadline_ms).toBe(5);
  db.put(TWIN, 0, TWIN.length, { ...copy, deadline_ms: NO_DEADLINE });
  expect(read(TWIN)).toEqual(before);
  add('77');
  expect(read(KEY)).not.toEqual(before);
  expect(read(TWIN)).toEqual(before);
  expect(db.encodingOf(find(TWIN))).toBe(copy.encoding);
});
