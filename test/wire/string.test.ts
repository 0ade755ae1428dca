import { conversations } from '../support/wire.ts';

conversations('strings', { cluster: true }, (talk) => {
  talk('SET stores, GET answers, of any bytes', [
    { send: ['SET', 'k', 'v'], is: '+OK\r\n' },
    { send: ['GET', 'k'], is: '$1\r\nv\r\n' },
    { send: ['GET', 'missing'], is: ['$-1\r\n', '_\r\n'] },
    ['SET', 'k', ''],
    ['GET', 'k'],
    ['SET', 'k\0\r\n\xff', '\0\r\n\xff'],
    { send: ['GET', 'k\0\r\n\xff'], is: '$4\r\n\0\r\n\xff\r\n' },
    ['SET', '', 'empty key'],
    ['GET', ''],
  ]);
});
