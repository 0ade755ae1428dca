import { readFileSync } from 'node:fs';
import { CLOSED, readTree, requestBytes } from '../support/resp.ts';
import { conversations, type Step } from '../support/wire.ts';

conversations('the protocol', { protocols: [2] }, (talk) => {
  talk('inline commands are words with quotes', [
    { raw: 'PING\r\n', is: '+PONG\r\n' },
    { raw: 'PING\n', is: '+PONG\r\n' },
    { raw: '  ping  \r\n', is: '+PONG\r\n' },
    { raw: 'PING\t"a b"\r\n' },
    { raw: `ECHO "a\\x41\\n\\r\\t\\b\\a\\q\\"\\\\"\r\n` },
    { raw: `ECHO 'it\\'s \\n \\\\ '\r\n` },
    { raw: 'ECHO ""\r\n' },
    { raw: "ECHO ''\r\n" },
    { raw: 'ECHO a"b c"\r\n' },
    { raw: 'ECHO \xff\xfe\r\n' },
    { raw: 'ECHO "\\xzz"\r\n' },
    { raw: '\r\n\n  \r\nPING\r\n', is: '+PONG\r\n' },
    { raw: 'PING\r\r\n' },
    { raw: 'NOSUCH a b\r\n' },
  ]);

  const refused: readonly (readonly [title: string, bytes: string, text: string])[] = [
    ['an open quote', 'SET k "abc\r\n', 'unbalanced quotes in request'],
    ['an open single quote', "SET k 'abc\r\n", 'unbalanced quotes in request'],
    ['text behind a closing quote', 'ECHO "a"b\r\n', 'unbalanced quotes in request'],
    ['an inline command without end', 'A'.repeat(65_537), 'too big inline request'],
    ['a number of arguments that is none', '*x\r\n', 'invalid multibulk length'],
    ['a number of arguments beyond 32 bits', '*2147483648\r\n', 'invalid multibulk length'],
    ['a number of arguments with a leading zero', '*01\r\n', 'invalid multibulk length'],
    ['a number of arguments with a plus', '*+1\r\n', 'invalid multibulk length'],
    ['a number of arguments without digits', '*\r\n', 'invalid multibulk length'],
    ['a number of arguments without end', `*${'1'.repeat(65_537)}`, 'too big mbulk count string'],
    ['an argument that is no bulk', '*1\r\nPING\r\n', "expected '$', got 'P'"],
    ['an argument of no kind', '*1\r\n\r\n', "expected '$', got ' '"],
    ['a negative length', '*1\r\n$-1\r\n', 'invalid bulk length'],
    ['a length that is none', '*1\r\n$x\r\n', 'invalid bulk length'],
    ['a length without digits', '*1\r\n$\r\n', 'invalid bulk length'],
    ['a length with a leading zero', '*1\r\n$04\r\nPING\r\n', 'invalid bulk length'],
    ['a length beyond what values may have', '*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['a length without end', `*1\r\n$${'1'.repeat(65_537)}`, 'too big bulk count string'],
  ];
  for (const [title, raw, text] of refused) {
    talk(`${title} ends the connection`, [
      {
        on: 'b',
        raw,
        replies: 'all',
        is: title === 'an argument of no kind' ? undefined : `-ERR Protocol error: ${text}\r\n<closed>`,
      } as Step,
    ]);
  }

  talk('an error comes behind the replies of what was right, and ends the rest', [
    {
      on: 'b',
      raw: 'PING\r\n*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n',
      replies: 'all',
      is: '+PONG\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n<closed>',
    },
  ]);

  talk('empty and negative numbers of arguments are passed over', [
    { raw: '*0\r\nPING\r\n', is: '+PONG\r\n' },
    { raw: '*-1\r\nPING\r\n', is: '+PONG\r\n' },
    { raw: '*-100\r\n*0\r\n*1\r\n$4\r\nPING\r\n', is: '+PONG\r\n' },
    { raw: '*1\r\n$0\r\n\r\n' },
  ]);

  talk('the two bytes behind an argument are not looked at', [
    { raw: '*1\r\n$4\r\nPINGxxPING\r\n', replies: 2, is: '+PONG\r\n+PONG\r\n' },
  ]);

  talk('those who speak HTTP are not answered', [
    { on: 'b', raw: 'POST / HTTP/1.1\r\nHost: x\r\n', replies: 'all', is: '<closed>' },
    { on: 'c', raw: 'Host: x\r\n', replies: 'all', is: '<closed>' },
    { on: 'd', raw: 'GET / HTTP/1.1\r\nHost: x\r\n', replies: 'all' },
    { on: 'e', raw: '*1\r\n$4\r\nPOST\r\n', replies: 'all', is: '<closed>' },
    { on: 'f', raw: 'post x\r\n', replies: 'all', is: '<closed>' },
  ]);

  talk('many arguments are as good as few', [
    ['RPUSH', 'list', ...Array.from({ length: 5000 }, (_, i) => `element ${i}`)],
    ['LINDEX', 'list', '4999'],
    ['DEL', ...Array.from({ length: 20_000 }, (_, i) => `k${i}`)],
    ['MGET', ...Array.from({ length: 3000 }, (_, i) => `k${i}`)],
  ]);

  const PIPELINE = [
    requestBytes(['SET', 'k', 'a\r\nb']),
    'GET k\r\n',
    requestBytes(['APPEND', 'k', '$3\r\n']),
    '\r\n',
    '*0\r\n',
    requestBytes(['MSET', 'x', '', 'y', 'é']),
    requestBytes(['MGET', 'k', 'x', 'y', 'z']),
    'PING "a b"\n',
    requestBytes(['DEL', 'k', 'x', 'y']),
  ].join('');
  talk('a pipeline is the same wherever it is cut', [
    { raw: PIPELINE, replies: 7 },
    ...Array.from({ length: PIPELINE.length - 1 }, (_, i): Step[] => [
      { raw: PIPELINE.slice(0, i + 1), replies: 0 },
      { raw: PIPELINE.slice(i + 1), replies: 7 },
    ]).flat(),
  ]);

  talk('a long pipeline is answered in order', [
    { raw: Array.from({ length: 3000 }, (_, i) => requestBytes(['ECHO', `${i}`])).join(''), replies: 3000 },
  ]);
});

interface Recorded {
  name: string;
  conversation: { send: string; recv: string }[];
}

/** What redis-server 7.0.15 said once: it holds also where none is installed. */
const RECORDED: Recorded[] = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')).probes;

conversations('recorded conversations', { protocols: [2] }, (talk) => {
  for (const { name, conversation } of RECORDED) {
    talk(
      name,
      conversation.map(({ send, recv }): Step => {
        if (recv.endsWith('<CLOSED>')) return { raw: send, is: recv.replace('<CLOSED>', CLOSED), replies: 'all' };
        return { raw: send, is: recv, replies: repliesIn(recv) };
      }),
    );
  }
});

function repliesIn(bytes: string): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) at = readTree(bytes, at)?.end ?? bytes.length;
  return count;
}
