import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deque } from '../../src/base/deque.ts';

test('a deque behaves as an array does', () => {
  const operation = fc.constantFrom('push', 'push', 'unshift', 'unshift', 'shift', 'pop', 'clear');
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const deque = new Deque<number>();
      let model: number[] = [];
      operations.forEach((name, value) => {
        if (name === 'push') {
          deque.push(value);
          model.push(value);
        } else if (name === 'unshift') {
          deque.unshift(value);
          model.unshift(value);
        } else if (name === 'clear' && value % 10 === 0) {
          deque.clear();
          model = [];
        } else if (name === 'shift') {
          expect(deque.shift()).toBe(model.shift());
        } else if (name === 'pop') {
          expect(deque.pop()).toBe(model.pop());
        }
        expect(deque.length).toBe(model.length);
        expect(deque.peek()).toBe(model[0]);
      });
      expect([...deque]).toEqual(model);
      expect([deque.at(-1), deque.at(model.length)]).toEqual([undefined, undefined]);
    }),
  );
});
