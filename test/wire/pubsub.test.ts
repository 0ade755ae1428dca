import { expect } from 'vitest';
import { conversations, helpFrame, type LongStep, type Normalise, unordered } from '../support/wire.ts';

/** What `s` is sent without having asked for it. */
const hears = (...parts: string[]): LongStep => {
  const bulks = parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('');
  return { on: 's', is: [`*${parts.length}\r\n${bulks}`, `>${parts.length}\r\n${bulks}`] };
};
const confirmed = (kind: string, name: string | null, count: number): readonly [string, string] => {
  const text = (type: string, none: string): string =>
    `${type}3\r\n$${kind.length}\r\n${kind}\r\n${name === null ? none : `$${name.length}\r\n${name}\r\n`}:${count}\r\n`;
  return [text('*', '$-1\r\n'), text('>', '_\r\n')];
};

/** Of lines of clients those fields that tell of subscriptions. */
const subscriptions: Normalise = (reply) =>
  reply
    .split('\n')
    .filter((line) => line.includes('addr='))
    .map((line) => line.match(/ (name|flags|sub|psub|ssub)=\S*/g)?.join(''))
    .join('\n');

conversations('channels', { cluster: true }, (talk) => {
  talk('a message goes to those who are subscribed, and PUBLISH says to how many', [
    { send: ['PUBLISH', 'news', 'nobody'], is: ':0\r\n' },
    { send: ['SUBSCRIBE', 'news'], on: 's', is: confirmed('subscribe', 'news', 1) },
    { send: ['PUBLISH', 'news', 'hello'], is: ':1\r\n' },
    hears('message', 'news', 'hello'),
    ['SUBSCRIBE', 'other'],
    { send: ['UNSUBSCRIBE'], is: confirmed('unsubscribe', 'other', 0) },
    ['PUBLISH', 'new', ''],
    { send: ['PUBLISH', 'news', ''], is: ':1\r\n' },
    hears('message', 'news', ''),
    { send: ['PUBLISH', 'news', 'x'.repeat(70_000)] },
    { on: 's' },
    { send: ['UNSUBSCRIBE', 'news'], on: 's', is: confirmed('unsubscribe', 'news', 0) },
    { send: ['PUBLISH', 'news', 'too late'], is: ':0\r\n' },
    { send: ['GET', 'k'], on: 's' },
    ['PUBLISH', 'news'],
    ['SUBSCRIBE'],
    ['PSUBSCRIBE'],
    ['PUBLISH', 'a', 'b', 'c'],
  ]);

  talk('each channel of a command is confirmed by itself, with the count of channels and patterns together', [
    { send: ['SUBSCRIBE', 'a', 'b', 'a'], replies: 3 },
    {
      send: ['PSUBSCRIBE', 'a', 'p*'],
      replies: 2,
      is: twice(confirmed('psubscribe', 'a', 3), confirmed('psubscribe', 'p*', 4)),
    },
    { send: ['UNSUBSCRIBE', 'b', 'nothing', 'p*'], replies: 3 },
    ['PUNSUBSCRIBE', 'nothing'],
    { send: ['UNSUBSCRIBE'], is: confirmed('unsubscribe', 'a', 2) },
    { send: ['UNSUBSCRIBE'], is: confirmed('unsubscribe', null, 2) },
    { send: ['PUNSUBSCRIBE'], replies: 2, as: unordered },
    { send: ['PUNSUBSCRIBE'], is: confirmed('punsubscribe', null, 0) },
    { send: ['UNSUBSCRIBE'], is: confirmed('unsubscribe', null, 0) },
    ['ECHO', 'is allowed again'],
  ]);

  talk('who has a channel and a pattern that matches it hears a message twice, by the channel first', [
    { send: ['PSUBSCRIBE', 'n*s'], on: 's' },
    { send: ['SUBSCRIBE', 'news'], on: 's' },
    { send: ['SUBSCRIBE', 'news'], on: 'second' },
    { send: ['PUBLISH', 'news', 'hello'], is: ':3\r\n' },
    hears('message', 'news', 'hello'),
    hears('pmessage', 'n*s', 'news', 'hello'),
    { on: 'second' },
    { send: ['PUBLISH', 'nails', 'x'], is: ':1\r\n' },
    hears('pmessage', 'n*s', 'nails', 'x'),
    { send: ['UNSUBSCRIBE', 'news'], on: 's' },
    { send: ['PUBLISH', 'news', '2'], is: ':2\r\n' },
    hears('pmessage', 'n*s', 'news', '2'),
    { send: ['PSUBSCRIBE', '[ab]?\\*'], on: 'third' },
    { send: ['PUBLISH', 'ax*', '1'] },
    { on: 'third' },
    { send: ['PUBLISH', 'axy', '1'], is: ':0\r\n' },
    { send: ['PUBLISH', '', 'to a channel without a name'], is: ':0\r\n' },
  ]);

  talk('names and messages are bytes', [
    { send: ['SUBSCRIBE', '\xff\0\r\n', ''], on: 's', replies: 2 },
    ['PUBLISH', '\xff\0\r\n', '\0\xfe\r\n$5\r\n'],
    hears('message', '\xff\0\r\n', '\0\xfe\r\n$5\r\n'),
    ['PUBLISH', '', 'x'],
    hears('message', '', 'x'),
    { send: ['PUBSUB', 'CHANNELS'], as: unordered },
  ]);

  talk('while it is subscribed, a client of RESP2 can do little else, one of RESP3 everything', [
    ['SET', 'k', 'v'],
    ['SUBSCRIBE', 'c'],
    ['GET', 'k'],
    ['get', 'k'],
    ['CONFIG', 'GET', 'hz'],
    ['GET'],
    ['NOSUCH'],
    ['PUBLISH', 'other', 'x'],
    { send: ['PING'], is: ['*2\r\n$4\r\npong\r\n$0\r\n\r\n', '+PONG\r\n'] },
    { send: ['PING', 'x'], is: ['*2\r\n$4\r\npong\r\n$1\r\nx\r\n', '$1\r\nx\r\n'] },
    ['PING', 'x', 'y'],
    ['MULTI'],
    ['DISCARD'],
    ['HELLO', 'x'],
    ['SELECT', '0'],
    ['AUTH', 'x'],
    ['RESET'],
    ['GET', 'k'],
    ['PUBSUB', 'NUMSUB', 'c'],
    ['PSUBSCRIBE', 'p'],
    { send: ['QUIT'], replies: 'all' },
  ]);

  talk('in a transaction confirmations stand in the place of replies', [
    ['MULTI'],
    ['SET', 'k', '1'],
    { send: ['SUBSCRIBE', 'a'], is: '+QUEUED\r\n' },
    ['PSUBSCRIBE', 'p*'],
    ['GET', 'k'],
    ['UNSUBSCRIBE', 'a'],
    ['PUNSUBSCRIBE', 'p*'],
    ['PUBLISH', 'a', 'x'],
    ['EXEC'],
    ['MULTI'],
    ['SUBSCRIBE', 'a'],
    ['EXEC'],
    ['GET', 'k'],
    ['PUBSUB', 'NUMPAT'],
  ]);

  talk('messages of a transaction are heard by others, in order', [
    { send: ['SUBSCRIBE', 'a', 'b'], on: 's', replies: 2 },
    ['MULTI'],
    ['PUBLISH', 'a', '1'],
    ['PUBLISH', 'b', '2'],
    ['SET', 'k', '1'],
    ['PUBLISH', 'a', '3'],
    ['EXEC'],
    hears('message', 'a', '1'),
    hears('message', 'b', '2'),
    hears('message', 'a', '3'),
  ]);

  talk('a pause of writes holds PUBLISH back, also in a transaction', [
    { send: ['SUBSCRIBE', 'c'], on: 's' },
    ...[['MULTI'], ['PUBLISH', 'c', '2'], ['PING']].map((send) => ({ send, on: 'queues' })),
    ['CLIENT', 'PAUSE', '100000', 'WRITE'],
    { send: ['PUBLISH', 'c', '1'], on: 'publishes', replies: 0 },
    ['PING'],
    { send: ['EXEC'], on: 'queues', replies: 0 },
    ['PUBSUB', 'NUMSUB', 'c'],
    { send: ['PING'], on: 's', is: ['*2\r\n$4\r\npong\r\n$0\r\n\r\n', '+PONG\r\n'] },
    ['CLIENT', 'UNPAUSE'],
    { on: 'publishes', is: ':1\r\n' },
    { on: 'queues', is: '*2\r\n:1\r\n+PONG\r\n' },
    hears('message', 'c', '1'),
    hears('message', 'c', '2'),
  ]);

  talk('PUBSUB tells of channels, of their subscribers, and of patterns', [
    { send: ['PUBSUB', 'CHANNELS'], is: '*0\r\n' },
    { send: ['SUBSCRIBE', 'one', 'two'], on: 's', replies: 2 },
    { send: ['SUBSCRIBE', 'two', 'three'], on: 't', replies: 2 },
    { send: ['PSUBSCRIBE', 't*'], on: 's' },
    { send: ['PSUBSCRIBE', 't*', 'o*'], on: 't', replies: 2 },
    { send: ['PUBSUB', 'CHANNELS'], as: unordered },
    { send: ['pubsub', 'channels', 't*'], as: unordered },
    ['PUBSUB', 'CHANNELS', 'no*'],
    ['PUBSUB', 'CHANNELS', 'a', 'b'],
    {
      send: ['PUBSUB', 'NUMSUB', 'one', 'two', 'none'],
      is: '*6\r\n$3\r\none\r\n:1\r\n$3\r\ntwo\r\n:2\r\n$4\r\nnone\r\n:0\r\n',
    },
    ['PUBSUB', 'NUMSUB'],
    { send: ['PUBSUB', 'NUMPAT'], is: ':2\r\n' },
    ['PUBSUB', 'NUMPAT', 'x'],
    ['PUBSUB', 'NOSUCH'],
    ['PUBSUB'],
    { send: ['PUBSUB', 'HELP'], as: helpFrame },
  ]);

  talk('a connection that ends hears nothing any more', [
    { send: ['SUBSCRIBE', 'c'], on: 's' },
    { send: ['PSUBSCRIBE', 'c*'], on: 's' },
    { send: ['QUIT'], on: 's', replies: 'all' },
    { send: ['PUBLISH', 'c', 'x'], is: ':0\r\n' },
    ['PUBSUB', 'CHANNELS'],
    ['PUBSUB', 'NUMPAT'],
  ]);

  talk('CLIENT LIST and CLIENT KILL know those who are subscribed', [
    { send: ['CLIENT', 'SETNAME', 'ears'], on: 's' },
    { send: ['SUBSCRIBE', 'a', 'b'], on: 's', replies: 2 },
    { send: ['PSUBSCRIBE', 'p'], on: 's' },
    { send: ['CLIENT', 'LIST', 'TYPE', 'pubsub'], as: subscriptions },
    { send: ['CLIENT', 'LIST', 'TYPE', 'normal'], as: subscriptions },
    ['CLIENT', 'KILL', 'TYPE', 'PUBSUB'],
    { on: 's', replies: 'all' },
    { send: ['CLIENT', 'LIST', 'TYPE', 'pubsub'], as: subscriptions },
  ]);

  talk('a client that wants no replies still hears messages', [
    { send: ['CLIENT', 'REPLY', 'OFF'], on: 's', replies: 0 },
    { send: ['SUBSCRIBE', 'c'], on: 's', replies: 0 },
    { send: ['WATCH', 'until the other connection has been read'], on: 's', replies: 0 },
    ...Array.from({ length: 20 }, () => ['PUBSUB', 'NUMSUB', 'nothing']),
  ]);

  talk('INFO counts channels and patterns', [
    { send: ['SUBSCRIBE', 'a', 'b'], on: 's', replies: 2 },
    { send: ['PSUBSCRIBE', 'p'], on: 's' },
    { send: ['INFO', 'stats'], as: (reply) => (reply.match(/pubsub\w+:\d+/g) ?? []).join(' ') },
  ]);

  expect(subscriptions('addr=x name=y flags=P\n')).toBe(' name=y flags=P');
});

function twice(a: readonly [string, string], b: readonly [string, string]): readonly [string, string] {
  return [a[0] + b[0], a[1] + b[1]];
}
