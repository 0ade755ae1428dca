import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { ListCursor, ListObject } from '../../../src/server/data/list-object.ts';
import * as listpack from '../../../src/server/data/listpack.ts';

const entry = new listpack.Entry();

function textOfEntry(): string {
  return entry.buf.toString('latin1', entry.off, entry.off + entry.len);
}

function forwards(list: ListObject, from = 0): string[] {
  const cursor = new ListCursor();
  const texts: string[] = [];
  for (let more = list.seek(from, cursor); more; more = list.next(cursor)) {
    list.read(cursor, entry);
    texts.push(textOfEntry());
  }
  return texts;
}

function backwards(list: ListObject): string[] {
  const cursor = new ListCursor();
  const texts: string[] = [];
  for (let more = list.seek(-1, cursor); more; more = list.previous(cursor)) {
    list.read(cursor, entry);
    texts.push(textOfEntry());
  }
  return texts;
}

function randomText(prng: Prng): string {
  const kind = prng.below(20);
  if (kind === 0) return 'L'.repeat(prng.below(20000));
  if (kind < 4) return 'm'.repeat(prng.below(3000));
  if (kind < 10) return `${prng.next() - 2 ** 31}`;
  return prng.hex(prng.below(40));
}

const changes = {
  pushTail(list: ListObject, model: string[], prng: Prng): void {
    for (let n = prng.below(30); n >= 0; n--) {
      const text = randomText(prng);
      list.pushTail(Buffer.from(text), 0, text.length);
      model.push(text);
    }
  },
  pushHead(list: ListObject, model: string[], prng: Prng): void {
    for (let n = prng.below(30); n >= 0; n--) {
      const text = randomText(prng);
      list.pushHead(Buffer.from(text), 0, text.length);
      model.unshift(text);
    }
  },
  popTail(list: ListObject, model: string[], prng: Prng): void {
    for (let n = prng.below(40); n >= 0 && model.length > 0; n--) {
      list.popTail(entry);
      expect(textOfEntry()).toBe(model.pop());
    }
  },
  popHead(list: ListObject, model: string[], prng: Prng): void {
    for (let n = prng.below(40); n >= 0 && model.length > 0; n--) {
      list.popHead(entry);
      expect(textOfEntry()).toBe(model.shift());
    }
  },
  insert(list: ListObject, model: string[], prng: Prng): void {
    const cursor = new ListCursor();
    const index = prng.below(model.length + 1);
    if (!list.seek(index, cursor)) return;
    for (let n = prng.below(5); n >= 0; n--) {
      const text = randomText(prng);
      list.insert(cursor, Buffer.from(text), 0, text.length);
      model.splice(model.indexOf(model[index]!, index), 0, text);
      const at = index + 1;
      list.read(cursor, entry);
      expect(textOfEntry()).toBe(model[at]);
      list.seek(index, cursor);
    }
  },
  replace(list: ListObject, model: string[], prng: Prng): void {
    const cursor = new ListCursor();
    const index = prng.below(model.length + 1);
    if (index === model.length) return;
    expect(list.seek(index - model.length, cursor)).toBe(true);
    const text = randomText(prng);
    list.replace(cursor, Buffer.from(text), 0, text.length);
    model[index] = text;
  },
  remove(list: ListObject, model: string[], prng: Prng): void {
    const cursor = new ListCursor();
    const index = prng.below(model.length + 1);
    let more = list.seek(index, cursor);
    for (let n = prng.below(30); n >= 0 && more; n--) {
      more = list.remove(cursor);
      model.splice(index, 1);
      expect(more).toBe(index < model.length);
      if (!more) break;
      list.read(cursor, entry);
      expect(textOfEntry()).toBe(model[index]);
    }
    list.compact(entry);
  },
  trim(list: ListObject, model: string[], prng: Prng): void {
    if (model.length === 0 || prng.chance(0.7)) return;
    const start = prng.below(Math.min(model.length, 50));
    const keep = Math.max(1, model.length - start - prng.below(50));
    list.trim(start, keep);
    model.splice(0, start);
    model.splice(keep);
  },
};

function check(list: ListObject, model: readonly string[]): void {
  expect(list.length).toBe(model.length);
  expect(forwards(list)).toEqual(model);
  expect(backwards(list)).toEqual(model.toReversed());
}

describe('list object', () => {
  it.each([1, 2, 3, 4])('stays equal to an array under random changes, seed %i', (seed) => {
    const prng = new Prng(seed);
    const list = new ListObject();
    const model: string[] = [];
    for (let step = 0; step < 1500; step++) {
      prng.pick(Object.values(changes))(list, model, prng);
      expect(list.length).toBe(model.length);
      if (step % 25 === 0) check(list, model);
    }
    check(list, model);
  });

  it('and its clones change on their own', () => {
    const prng = new Prng(9);
    let family = [{ list: new ListObject(), model: [] as string[] }];
    changes.pushTail(family[0]!.list, family[0]!.model, prng);
    for (let step = 0; step < 600; step++) {
      const one = prng.pick(family);
      if (prng.chance(0.1)) {
        family.push({ list: one.list.clone(), model: [...one.model] });
        family = family.slice(-4);
      } else {
        prng.pick(Object.values(changes))(one.list, one.model, prng);
      }
      if (step % 20 === 0) for (const { list, model } of family) check(list, model);
    }
    for (const { list, model } of family) check(list, model);
  });

  it('reads a packed list where it lies and never writes there', () => {
    const prng = new Prng(4);
    for (const [name, change] of Object.entries(changes)) {
      const source = new ListObject();
      const model: string[] = [];
      for (let i = 0; i < 20; i++) {
        source.pushTail(Buffer.from(`e${i}`), 0, `e${i}`.length);
        model.push(`e${i}`);
      }
      const arena = Buffer.alloc(100_000, 0x81);
      const len = source.writePacked(arena, 50_000);
      expect(len).toBe(source.packedBytes);
      const before = Buffer.from(arena);
      const list = ListObject.over(arena, 50_000, len);
      check(list, model);
      for (let i = 0; i < 5; i++) change(list, model, prng);
      check(list, model);
      expect(arena.equals(before), name).toBe(true);
    }
  });

  it('writes itself as one listpack, or as one per node', () => {
    const prng = new Prng(5);
    const list = new ListObject();
    const model: string[] = [];
    for (let i = 0; i < 40; i++) changes.pushTail(list, model, prng);
    for (let i = 0; i < 20; i++) changes.pushHead(list, model, prng);
    const whole = Buffer.alloc(list.packedBytes);
    expect(list.writePacked(whole, 0)).toBe(whole.length);
    expect(listpack.validate(whole, 0, whole.length)).toBe(model.length);
    const loaded = new ListObject();
    expect(list.nodes).toBeGreaterThan(10);
    for (let node = 0; node < list.nodes; node++) {
      const bytes = Buffer.alloc(list.nodeBytes(node));
      expect(list.writeNode(node, bytes, 0)).toBe(bytes.length);
      expect(listpack.validate(bytes, 0, bytes.length)).toBeGreaterThan(0);
      loaded.pushListpack(bytes, 0, bytes.length, entry);
    }
    check(loaded, model);
    expect(forwards(ListObject.over(whole, 0, whole.length))).toEqual(model);
  });

  it('keeps its memory close to its bytes, also when it was pushed from the head or mostly removed', () => {
    for (const push of ['pushTail', 'pushHead'] as const) {
      for (const size of [3, 30, 300, 2800, 5000]) {
        const list = new ListObject();
        for (let i = 0; i < 400_000 / size; i++) list[push](Buffer.alloc(size, 0x61), 0, size);
        expect(list.usedBytes() / list.entryBytes, `${push} of ${size}`).toBeLessThan(1.25);
      }
    }
    const list = new ListObject();
    for (let i = 0; i < 20_000; i++) list.pushTail(Buffer.from(`element ${i}`), 0, 12);
    const cursor = new ListCursor();
    list.seek(0, cursor);
    for (let i = 0, more = true; more; i++) more = i % 10 === 0 ? list.next(cursor) : list.remove(cursor);
    expect(list.length).toBe(2000);
    list.compact(entry);
    expect(list.usedBytes()).toBeLessThan(40_000);
  });
});
