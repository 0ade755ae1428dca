import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { Key } from '../../../src/server/data/key.ts';
import * as listpack from '../../../src/server/data/listpack.ts';
import { MemberTable } from '../../../src/server/data/member-table.ts';

const entry = new listpack.Entry();

function membersOf(set: MemberTable): string[] {
  const texts: string[] = [];
  set.forEach((buf, off, len) => {
    texts.push(buf.toString('latin1', off, off + len));
  });
  return texts.sort();
}

function memberOf(n: number): string {
  if (n % 997 === 0) return `${n}`.repeat(14_000).slice(0, 70_000);
  if (n % 50 === 0) return `member ${n} `.repeat(40);
  return n % 2 === 0 ? `m${n}` : `${n}`;
}

/** Adds or removes as chance has it, in both, so that about `share` of `range` members are in. */
function change(
  set: MemberTable,
  model: Set<string>,
  prng: Prng,
  { range, share }: { range: number; share: number },
): void {
  const text = memberOf(prng.below(range));
  const value = Buffer.from(text);
  const known = model.has(text);
  const adds = prng.chance(share);
  if (prng.chance(0.1)) set.fetchAhead(value, Int32Array.of(0), Int32Array.of(value.length), 1);
  const right = set.has(value, 0, value.length) === known;
  const changed = adds ? set.add(value, 0, value.length) : set.remove(value, 0, value.length);
  if (adds) model.add(text);
  else model.delete(text);
  // One expectation for all: there are too many steps for one each.
  if (!right || changed !== (known !== adds) || set.size !== model.size) {
    expect.fail(
      `'${text.slice(0, 30)}' was ${known ? 'a' : 'no'} member, ${adds ? 'adding' : 'removing'} it went wrong`,
    );
  }
}

describe('a table of members', () => {
  it.each([1, 2, 3])('stays equal to a Set while it grows, shrinks and moves its bytes, seed %i', (seed) => {
    const prng = new Prng(seed);
    const set = new MemberTable(new Key(seed), false);
    const model = new Set<string>();
    for (const share of [0.9, 0.5, 0.1, 0.95, 0.02]) {
      for (let step = 0; step < 15_000; step++) change(set, model, prng, { range: 7500, share });
      expect(membersOf(set)).toEqual([...model].sort());
    }
    for (const text of model) expect(set.remove(Buffer.from(text), 0, text.length)).toBe(true);
    expect(set.size).toBe(0);
    expect(membersOf(set)).toEqual([]);
    expect(set.usedBytes()).toBeLessThan(5000);
  });

  it('and its clones change on their own', () => {
    const prng = new Prng(21);
    let family = [{ set: new MemberTable(new Key(5), false), model: new Set<string>() }];
    for (let step = 0; step < 30_000; step++) {
      const one = prng.pick(family);
      change(one.set, one.model, prng, { range: 8000, share: step < 15_000 ? 0.7 : 0.3 });
      if (step % 2500 !== 0) continue;
      family.push({ set: one.set.clone(), model: new Set(one.model) });
      family = family.slice(-4);
      for (const { set, model } of family) expect(membersOf(set)).toEqual([...model].sort());
    }
    for (const { set, model } of family) expect(membersOf(set)).toEqual([...model].sort());
  });

  it('shows every member that stays exactly once to a scan, while others come and go', () => {
    const prng = new Prng(8);
    const set = new MemberTable(new Key(8), false);
    const stay = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      stay.add(`stays ${i}`);
      set.add(Buffer.from(`stays ${i}`), 0, `stays ${i}`.length);
    }
    const seen: string[] = [];
    let cursor = 0;
    let calls = 0;
    do {
      let visited = 0;
      cursor = set.scan(cursor, 10, (buf, off, len) => {
        visited++;
        const text = buf.toString('latin1', off, off + len);
        if (stay.has(text)) seen.push(text);
      });
      expect(visited).toBeLessThan(60);
      for (let i = 0; i < 60; i++) {
        const text = `guest ${prng.below(40_000)}`;
        if (Math.floor(calls / 50) % 2 === 0) set.add(Buffer.from(text), 0, text.length);
        else set.remove(Buffer.from(text), 0, text.length);
      }
      calls++;
    } while (cursor !== 0);
    expect(calls).toBeGreaterThan(100);
    expect(seen.sort()).toEqual([...stay].sort());
  });

  it('picks every member about equally often', () => {
    const prng = new Prng(13);
    const set = new MemberTable(new Key(13), false);
    const total = 4000;
    for (let i = 0; i < total; i++) set.add(Buffer.from(`${i}`), 0, `${i}`.length);
    const picks = new Array<number>(total).fill(0);
    for (let i = 0; i < total * 50; i++) {
      set.read(set.random(prng), entry);
      picks[Number(entry.buf.toString('latin1', entry.off, entry.off + entry.len))]!++;
    }
    // Chi-square per degree of freedom: 1 for a uniform choice, with a deviation of about 0.022 here.
    const chi = picks.reduce((sum, each) => sum + (each - 50) ** 2 / 50, 0) / (total - 1);
    expect(chi).toBeGreaterThan(0.9);
    expect(chi).toBeLessThan(1.1);
  });

  it('stays right, if slow, when somebody found members whose hashes are all alike', () => {
    for (const hashOf of [() => 7, (n: number) => (n << 24) | 7]) {
      const key = { load: (buf: Buffer, off: number) => hashOf(buf[off]!) } as unknown as Key;
      const set = new MemberTable(key, false);
      const total = 2500;
      const members = Array.from({ length: total }, (_, i) => Buffer.from([i, i >> 8]));
      for (const member of members) expect(set.add(member, 0, 2)).toBe(true);
      expect(set.usedBytes()).toBeLessThan(200_000);
      let visited = 0;
      set.forEach(() => visited++);
      expect(visited).toBe(total);
      for (const member of members) expect(set.remove(member, 0, 2)).toBe(true);
      expect(set.size).toBe(0);
    }
  });

  it('gives memory back while members are replaced', () => {
    const set = new MemberTable(new Key(2), false);
    for (let i = 0; i < 100_000; i++) {
      const text = `a member of about forty bytes, number ${i}`;
      set.add(Buffer.from(text), 0, text.length);
      if (i < 5000) continue;
      // The older half goes at random, so that no part of memory dies as a whole.
      const old = `a member of about forty bytes, number ${i - 5000 + ((i * 7919) % 4000)}`;
      set.remove(Buffer.from(old), 0, old.length);
    }
    const bytes = set.size * 48;
    expect(set.usedBytes() / bytes).toBeLessThan(4);
  });
});

/** The value of a field of a hash, or null. */
function heldBy(hash: MemberTable, field: Buffer): string | null {
  const reference = hash.find(field, 0, field.length);
  if (reference === 0) return null;
  hash.readValue(reference, entry);
  return entry.buf.toString('latin1', entry.off, entry.off + entry.len);
}

function pairsOf(hash: MemberTable): [string, string][] {
  const pairs: [string, string][] = [];
  let field: string | null = null;
  hash.forEach((buf, off, len) => {
    const text = buf.toString('latin1', off, off + len);
    if (field !== null) pairs.push([field, text]);
    field = field === null ? text : null;
  });
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}

const inOrder = (model: Map<string, string>) => [...model].sort(([a], [b]) => (a < b ? -1 : 1));

/** Sets or removes a field as chance has it, in both. */
function changeField(
  hash: MemberTable,
  model: Map<string, string>,
  prng: Prng,
  { range, share }: { range: number; share: number },
): void {
  const text = memberOf(prng.below(range));
  const field = Buffer.from(text);
  const known = model.get(text);
  const long = prng.pick([0, 3, 20, 252, 253, 254, 255, 256, 300]);
  const value = Buffer.from(prng.chance(0.01) ? 'x'.repeat(70_000) : `${prng.below(1e6)}`.padEnd(long, '.'));
  if (prng.chance(0.1)) hash.fetchAhead(field, Int32Array.of(0), Int32Array.of(field.length), 1);
  const right = heldBy(hash, field) === (known ?? null);
  const sets = prng.chance(share);
  const changed = sets
    ? hash.put(field, 0, field.length, value, 0, value.length) === (known === undefined)
    : hash.remove(field, 0, field.length) === (known !== undefined);
  if (sets) model.set(text, value.toString());
  else model.delete(text);
  if (!right || !changed || hash.size !== model.size || heldBy(hash, field) !== (model.get(text) ?? null))
    expect.fail(
      `field '${text.slice(0, 30)}' was ${known?.slice(0, 30)}, ${sets ? 'setting' : 'removing'} it went wrong`,
    );
}

describe('a table of fields with values', () => {
  it.each([1, 2, 3])('stays equal to a Map while it grows, shrinks and moves its bytes, seed %i', (seed) => {
    const prng = new Prng(seed);
    const hash = new MemberTable(new Key(seed), true);
    const model = new Map<string, string>();
    for (const share of [0.9, 0.5, 0.1, 0.95, 0.02]) {
      for (let step = 0; step < 10_000; step++) changeField(hash, model, prng, { range: 5000, share });
      expect(pairsOf(hash)).toEqual(inOrder(model));
    }
    for (const text of model.keys()) expect(hash.remove(Buffer.from(text), 0, text.length)).toBe(true);
    expect(hash.usedBytes()).toBeLessThan(5000);
  });

  it('and its clones change on their own, values that keep their length too', () => {
    const prng = new Prng(22);
    let family = [{ hash: new MemberTable(new Key(5), true), model: new Map<string, string>() }];
    for (let step = 0; step < 20_000; step++) {
      const one = prng.pick(family);
      changeField(one.hash, one.model, prng, { range: 4000, share: step < 10_000 ? 0.8 : 0.4 });
      if (step % 2500 !== 0) continue;
      family.push({ hash: one.hash.clone(), model: new Map(one.model) });
      family = family.slice(-4);
      for (const { hash, model } of family) expect(pairsOf(hash)).toEqual(inOrder(model));
    }
    for (const { hash, model } of family) expect(pairsOf(hash)).toEqual(inOrder(model));
  });

  it('takes no more memory for values that are overwritten by values of their length', () => {
    const hash = new MemberTable(new Key(3), true);
    const set = (i: number, value: string) =>
      hash.put(Buffer.from(`field ${i}`), 0, `field ${i}`.length, Buffer.from(value), 0, value.length);
    for (let i = 0; i < 10_000; i++) set(i, `value ${i % 10}`);
    const before = hash.usedBytes();
    for (let round = 0; round < 5; round++) for (let i = 0; i < 10_000; i++) set(i, `eulav ${round}`);
    expect(hash.usedBytes()).toBe(before);
  });

  it('takes at most 58 bytes for a field of 18 bytes with a value of 16', () => {
    const hash = new MemberTable(new Key(4), true);
    const value = Buffer.from('sixteen bytes...');
    const fields = 300_000;
    for (let i = 0; i < fields; i++) {
      const field = Buffer.from(`field:${i}`.padEnd(18, '-'));
      hash.put(field, 0, 18, value, 0, 16);
    }
    expect(hash.usedBytes() / fields).toBeLessThan(58);
  });

  it('lists the references of all its fields', () => {
    const hash = new MemberTable(new Key(6), true);
    for (let i = 0; i < 20_000; i++) hash.put(Buffer.from(`${i}`), 0, `${i}`.length, Buffer.from('v'), 0, 1);
    const fields = new Set<string>();
    for (const reference of hash.references()) {
      hash.read(reference, entry);
      fields.add(entry.buf.toString('latin1', entry.off, entry.off + entry.len));
    }
    expect(fields.size).toBe(20_000);
  });
});
