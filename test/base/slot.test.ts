import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatRanges, rangesOf, SLOTS, SlotSet, slotOf, slotOfText } from '../../src/base/slot.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from './real-redis.ts';

const slots = fc.uniqueArray(fc.integer({ min: 0, max: SLOTS - 1 }), { maxLength: 50 });
const key = fc.stringMatching(/^[ab{}]{0,10}$/);

describe('slotOf', () => {
  test('gives the slots everybody knows', () => {
    expect([slotOfText('foo'), slotOfText('bar'), slotOfText('')]).toEqual([12182, 5061, 0]);
    expect(slotOf(Buffer.from('--foo--'), 2, 3)).toBe(12182);
  });

  test('hashes the first tag only, and only if there is something in it', () => {
    expect(slotOfText('{foo}.a')).toBe(slotOfText('foo'));
    expect(slotOfText('x{foo}{bar}')).toBe(slotOfText('foo'));
    expect(slotOfText('a{{foo}}')).toBe(slotOfText('{foo'));
    expect(slotOfText('{}{foo}')).not.toBe(slotOfText('foo'));
    expect(slotOfText('{foo')).not.toBe(slotOfText('foo'));
    expect(slotOf(Buffer.from('{foo}'), 0, 4)).toBe(slotOfText('{foo'));
  });
});

describe.skipIf(!hasRedisServer)('slotOf beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis(['--cluster-enabled', 'yes']);
  });
  afterAll(() => redis.stop());

  test('agrees with CLUSTER KEYSLOT', async () => {
    const keys = fc.sample(fc.oneof(key, fc.string()), { numRuns: 1000, seed: 1 });
    const replies = await redis.all(keys.map((text) => ['CLUSTER', 'KEYSLOT', text]));
    expect(keys.map(slotOfText)).toEqual(replies);
  });
});

describe('SlotSet', () => {
  test('is a set', () => {
    fc.assert(
      fc.property(slots, slots, (added, deleted) => {
        const set = new SlotSet();
        const model = new Set<number>();
        for (const slot of added) {
          expect(set.add(slot)).toBe(!model.has(slot));
          model.add(slot);
        }
        for (const slot of [...deleted, ...added.slice(0, 5)]) expect(set.delete(slot)).toBe(model.delete(slot));
        expect(set.count()).toBe(model.size);
        expect([...set]).toEqual([...model].sort((a, b) => a - b));
        for (const slot of [...added, ...deleted]) expect(set.has(slot)).toBe(model.has(slot));
      }),
    );
  });

  test('is made of ranges and tells them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(SLOTS - 1), fc.nat(300)), { maxLength: 8 }), (pieces) => {
        const set = new SlotSet();
        for (const [start, more] of pieces) for (let s = start; s < Math.min(SLOTS, start + more); s++) set.add(s);
        const ranges = set.ranges();
        for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.start).toBeGreaterThan(ranges[i - 1]!.end + 1);
        expect(SlotSet.of(ranges).equals(set)).toBe(true);
        expect(ranges).toEqual(rangesOf(set.bitmap));
      }),
    );
  });

  test('tells the whole space as one range', () => {
    const set = SlotSet.of([{ start: 0, end: SLOTS - 1 }]);
    expect(set.count()).toBe(SLOTS);
    expect(formatRanges(set.ranges())).toBe('0-16383');
    set.delete(7000);
    expect(formatRanges(set.ranges())).toBe('0-6999 7001-16383');
    set.clear();
    set.add(5);
    expect(formatRanges(set.ranges())).toBe('5');
    expect(formatRanges([])).toBe('');
  });

  test('copies a bitmap and counts anew', () => {
    const bitmap = Buffer.alloc(2048);
    bitmap[0] = 0b101;
    bitmap[2047] = 0x80;
    const set = new SlotSet();
    set.copyFrom(bitmap);
    expect([...set]).toEqual([0, 2, 16383]);
    expect(set.count()).toBe(3);
    expect(set.equals(bitmap)).toBe(true);
    bitmap[0] = 0;
    expect(set.equals(bitmap)).toBe(false);
    expect(() => set.copyFrom(Buffer.alloc(2047))).toThrow('2048');
    expect(() => set.add(SLOTS)).toThrow('no slot 16384');
  });
});
