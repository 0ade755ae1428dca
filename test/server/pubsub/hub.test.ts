import { expect, test } from 'vitest';
import { Hub, Subscriber } from '../../../src/server/pubsub/hub.ts';

function subscriber(resp: 2 | 3 = 2): { who: Subscriber; heard: string[] } {
  const heard: string[] = [];
  return { who: new Subscriber((message) => heard.push(message.bytes(resp).toString('latin1'))), heard };
}

const text = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');

test('a message is an array in RESP2 and a push in RESP3', () => {
  const hub = new Hub();
  const [two, three] = [subscriber(2), subscriber(3)];
  hub.subscribe(two.who, 'c');
  hub.subscribe(three.who, 'c');
  expect(hub.publish('c', text('hi'))).toBe(2);
  expect(two.heard).toEqual(['*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n']);
  expect(three.heard).toEqual(['>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n']);
});

test('those who hear the same share its bytes, which do not change with what was published', () => {
  const hub = new Hub();
  const heard: Buffer[] = [];
  for (let i = 0; i < 2; i++) hub.subscribe(new Subscriber((message) => heard.push(message.bytes(3))), 'c');
  const payload = text('hi');
  hub.publish('c', payload);
  payload.fill(0);
  expect(heard[0]).toBe(heard[1]);
  expect(heard[0]?.toString()).toContain('hi');
});

test('channels and patterns are forgotten with their last subscriber', () => {
  const hub = new Hub();
  const [a, b] = [subscriber(), subscriber()];
  for (const { who } of [a, b]) {
    hub.subscribe(who, 'c');
    hub.subscribe(who, 'c');
    hub.subscribePattern(who, 'c*');
  }
  expect([hub.channelCount, hub.patternCount, hub.subscribersOf('c'), a.who.count]).toEqual([1, 1, 2, 2]);
  hub.leave(a.who);
  hub.leave(a.who);
  expect([hub.channelCount, hub.patternCount, hub.subscribersOf('c'), a.who.count]).toEqual([1, 1, 1, 0]);
  hub.unsubscribe(b.who, 'other');
  hub.unsubscribePattern(b.who, 'other');
  hub.unsubscribe(b.who, 'c');
  hub.unsubscribePattern(b.who, 'c*');
  expect([hub.channelCount, hub.patternCount, hub.subscribersOf('c')]).toEqual([0, 0, 0]);
  expect(hub.publish('c', text('x'))).toBe(0);
  expect([...a.heard, ...b.heard]).toEqual([]);
});
