/* Passwords and names are bytes: whatever they are, they come back as they went in, and match what is the same. */

import { conversations } from '../support/wire.ts';

const PASSWORDS = ['p\xc3\xa9\xe2\x98\x83', '\xff\xfe\x00\x80', '\xe9 "quoted" \\ \r\n\xa0'];

conversations('bytes', {}, (talk) => {
  for (const [i, password] of PASSWORDS.entries()) {
    talk(`a password of bytes lets in who sends the same bytes (${i})`, [
      { send: ['CONFIG', 'SET', 'requirepass', password], is: '+OK\r\n' },
      ['CONFIG', 'GET', 'requirepass'],
      { on: 'b', send: ['AUTH', password], is: '+OK\r\n' },
      { on: 'c', send: ['AUTH', 'default', password], is: '+OK\r\n' },
      { on: 'd', send: ['HELLO', '2', 'AUTH', 'default', password], replies: 1, as: (reply) => reply.slice(0, 1) },
      { on: 'e', send: ['AUTH', Buffer.from(password, 'latin1').toString('utf8').slice(0, 3)] },
      { on: 'e', send: ['AUTH', `${password}\xff`] },
      { on: 'e', send: ['AUTH', 'd\xc3\xa9fault', password] },
      { send: ['CONFIG', 'SET', 'requirepass', ''], is: '+OK\r\n' },
    ]);
  }

  talk('texts of the configuration keep every byte', [
    { send: ['CONFIG', 'SET', 'masteruser', '\xc3\xa9\xff', 'masterauth', '\x80\xe2\x98\x83'], is: '+OK\r\n' },
    ['CONFIG', 'GET', 'masterauth'],
    ['CONFIG', 'GET', 'masteruser'],
    ['CONFIG', 'SET', 'masteruser', '', 'masterauth', ''],
    ['CONFIG', 'SET', 'n\xc3\xa9', '1'],
    ['CONFIG', 'GET', '\xff*'],
  ]);

  talk('names of clients and nodes are ASCII', [
    ['CLIENT', 'SETNAME', 'caf\xc3\xa9'],
    ['HELLO', '2', 'SETNAME', 'caf\xc3\xa9'],
    ['CLIENT', 'GETNAME'],
    ['CONFIG', 'SET', 'cluster-announce-hostname', 'caf\xc3\xa9'],
    ['CONFIG', 'GET', 'cluster-announce-hostname'],
  ]);
});
