import { expect, test } from 'vitest';
import { CommandQueue } from '../../../src/server/command/command-queue.ts';
import { Registry } from '../../../src/server/command/registry.ts';
import { specs } from '../../../src/server/handlers/table.ts';
import { requestOf } from '../../../src/server/protocol/request.ts';

const registry = new Registry(specs);
const set = registry.find(Buffer.from('set'), 0, 3)!;
const get = registry.find(Buffer.from('get'), 0, 3)!;

function queueOf(requests: readonly (readonly string[])[]): CommandQueue {
  const queue = new CommandQueue();
  for (const words of requests) queue.push(words[0] === 'set' ? set : get, requestOf(words));
  return queue;
}

function textsOf(queue: CommandQueue): string[][] {
  return Array.from(queue, ({ command, request }) => {
    expect(command.spec.name).toBe(request.buf.latin1Slice(request.off[0]!, request.off[0]! + request.len[0]!));
    expect(request.canonical).toBe(true);
    return Array.from({ length: request.argc }, (_, i) =>
      request.buf.latin1Slice(request.off[i]!, request.off[i]! + request.len[i]!),
    );
  });
}

test('commands come out of a queue as they went in, small ones and large ones', () => {
  const requests = Array.from({ length: 5000 }, (_, n) =>
    n % 3 === 0 ? ['get', `key:${n}`] : ['set', `key:${n}`, 'v'.repeat(n % 500 === 1 ? 100_000 : n % 90)],
  );
  const queue = queueOf(requests);
  expect(queue.length).toBe(5000);
  expect(textsOf(queue)).toEqual(requests);
  expect(queue.hasWrites).toBe(true);
  expect(queueOf([['get', 'key']]).hasWrites).toBe(false);
});

test('a hundred thousand queued commands of 50 bytes take less than 120 bytes each', () => {
  const queue = new CommandQueue();
  const request = requestOf(['set', 'key:000000', 'v'.repeat(12)]);
  for (let n = 0; n < 100_000; n++) queue.push(set, request);
  expect(request.end).toBeLessThanOrEqual(52);
  expect(queue.bytes).toBeLessThan(12_000_000);
});

test('a queue of ten megabytes tells what it has been filled with, and its commands are read back whole', () => {
  const queue = new CommandQueue();
  const value = 'v'.repeat(1000);
  for (let n = 0; n < 10_000; n++) queue.push(set, requestOf(['set', `key:${n}`, value]));
  expect(queue.bytes).toBeGreaterThan(10_000_000);
  expect(queue.bytes).toBeLessThan(11_500_000);
  let n = 0;
  for (const [, key, read] of textsOf(queue)) {
    expect(key).toBe(`key:${n++}`);
    expect(read).toBe(value);
  }
  expect(n).toBe(10_000);
});
