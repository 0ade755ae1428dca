import { conversations, helpFrame, kind, noDigits, shape } from '../support/wire.ts';

conversations('connections', {}, (talk) => {
  talk('PING, ECHO and QUIT', [
    { send: ['PING'], is: '+PONG\r\n' },
    { send: ['PING', 'a\r\nb'], is: '$4\r\na\r\nb\r\n' },
    ['PING', 'a', 'b'],
    { send: ['ECHO', 'x'], is: '$1\r\nx\r\n' },
    ['ECHO'],
    ['ECHO', 'a', 'b'],
    { send: ['QUIT'], replies: 'all', is: '+OK\r\n<closed>' },
    { on: 'b', send: ['QUIT', 'now'], replies: 'all' },
    { on: 'c', raw: 'QUIT\r\nPING\r\n', replies: 'all' },
  ]);

  talk('unknown commands are quoted back, cut to a length', [
    { send: ['NOSUCH'], is: "-ERR unknown command 'NOSUCH', with args beginning with: \r\n" },
    ['nosuch', 'a', 'b c', ''],
    ['NOSUCH', 'x'.repeat(200)],
    ['NOSUCH', 'x'.repeat(100), 'y'.repeat(100), 'z'],
    ['N'.repeat(200), 'a'],
    ['NO\r\nSUCH', 'a\r\nb\0c'],
    ['', 'a'],
    ['CONFIG', 'NOSUCH', 'a'],
    ['CONFIG', 'NOSUCH'],
    ['CONFIG', 'N'.repeat(200)],
    ['CONFIG', 'a\r\nb'],
    ['CONFIG'],
    ['config|get', 'x'],
    ['GET|x'],
  ]);

  talk('HELLO changes the protocol, and says who answers', [
    { send: ['HELLO'], as: noDigits },
    { send: ['HELLO', '3'], as: noDigits },
    ['GET', 'missing'],
    { send: ['HELLO', '2'], as: noDigits },
    ['GET', 'missing'],
    ['HELLO', '1'],
    ['HELLO', '4'],
    ['HELLO', 'x'],
    ['HELLO', '3x'],
    ['HELLO', '3', 'NOSUCH'],
    ['HELLO', '3', 'AUTH', 'default'],
    ['HELLO', '3', 'SETNAME'],
    { send: ['HELLO', '3', 'SETNAME', 'me'], as: noDigits },
    ['CLIENT', 'GETNAME'],
    ['HELLO', '3', 'SETNAME', 'not me'],
    ['CLIENT', 'GETNAME'],
    { send: ['HELLO', '2', 'AUTH', 'default', 'whatever', 'SETNAME', ''], as: noDigits },
    ['CLIENT', 'GETNAME'],
    ['HELLO', '3', 'AUTH', 'nobody', 'x'],
    ['GET', 'missing'],
    { send: ['HELLO', '3', 'SETNAME', 'a', 'SETNAME', 'b', 'AUTH', 'default', 'x'], as: noDigits },
    ['CLIENT', 'GETNAME'],
  ]);

  talk('AUTH without a password set', [
    ['AUTH', 'x'],
    ['AUTH', 'default', 'x'],
    ['AUTH', 'nobody', 'x'],
    ['AUTH'],
    ['AUTH', 'a', 'b', 'c'],
    ['PING'],
  ]);

  talk('RESET makes a connection as new', [
    ['SELECT', '3'],
    ['CLIENT', 'SETNAME', 'me'],
    ['MULTI'],
    ['SET', 'k', 'v'],
    { send: ['RESET'], is: '+RESET\r\n' },
    ['GET', 'missing'],
    ['CLIENT', 'GETNAME'],
    ['EXEC'],
    ['SET', 'k', 'v'],
    ['SELECT', '0'],
    ['GET', 'k'],
    ['RESET', 'x'],
    ['WATCH', 'k'],
    ['RESET'],
    { on: 'b', send: ['SET', 'k', 'w'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
  ]);

  talk('CLIENT ID, INFO, LIST, NAME and SETINFO', [
    { send: ['CLIENT', 'ID'], as: noDigits },
    { send: ['CLIENT', 'SETNAME', 'me'], is: '+OK\r\n' },
    ['CLIENT', 'GETNAME'],
    ['CLIENT', 'SETNAME', 'a b'],
    ['CLIENT', 'SETNAME', 'a\nb'],
    ['CLIENT', 'SETNAME', '\x7f'],
    ['CLIENT', 'SETNAME', 'a!~b'],
    ['CLIENT', 'SETNAME', ''],
    ['CLIENT', 'GETNAME'],
    ['CLIENT', 'SETNAME'],
    ['CLIENT', 'GETNAME', 'x'],
    ['CLIENT', 'ID', 'x'],
    ['CLIENT', 'INFO', 'x'],
    { send: ['CLIENT', 'INFO'], as: fieldNames },
    { send: ['CLIENT', 'LIST'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'normal'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'NORMAL'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'replica'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'slave'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'master'], as: fieldNames },
    { send: ['CLIENT', 'LIST', 'TYPE', 'pubsub'], as: fieldNames },
    ['CLIENT', 'LIST', 'TYPE', 'nosuch'],
    ['CLIENT', 'LIST', 'TYPE'],
    ['CLIENT', 'LIST', 'ID'],
    ['CLIENT', 'LIST', 'ID', 'x'],
    ['CLIENT', 'LIST', 'ID', '0'],
    ['CLIENT', 'LIST', 'ID', '-1'],
    { send: ['CLIENT', 'LIST', 'ID', '999999', '999998'], as: fieldNames },
    ['CLIENT', 'LIST', 'NOSUCH'],
    ['CLIENT', 'LIST', 'NOSUCH', 'x'],
    ['CLIENT'],
    ['CLIENT', 'NOSUCH'],
  ]);

  talk('CLIENT NO-EVICT takes ON or OFF', [
    ['CLIENT', 'NO-EVICT', 'ON'],
    ['CLIENT', 'NO-EVICT', 'off'],
    ['CLIENT', 'NO-EVICT', 'x'],
    ['CLIENT', 'NO-EVICT'],
  ]);

  talk('CLIENT REPLY silences a connection', [
    { send: ['CLIENT', 'REPLY', 'SKIP'], replies: 0 },
    { send: ['SET', 'k', '1'], replies: 0 },
    { send: ['GET', 'k'], is: '$1\r\n1\r\n' },
    { send: ['CLIENT', 'REPLY', 'OFF'], replies: 0 },
    { send: ['SET', 'k', '2'], replies: 0 },
    { send: ['NOSUCH'], replies: 0 },
    { send: ['CLIENT', 'REPLY', 'SKIP'], replies: 0 },
    { send: ['CLIENT', 'REPLY', 'OFF'], replies: 0 },
    { send: ['MULTI'], replies: 0 },
    { send: ['INCR', 'k'], replies: 0 },
    { send: ['EXEC'], replies: 0 },
    { send: ['CLIENT', 'REPLY', 'ON'], is: '+OK\r\n' },
    { send: ['GET', 'k'], is: '$1\r\n3\r\n' },
    ['CLIENT', 'REPLY', 'NOSUCH'],
    ['CLIENT', 'REPLY'],
    { send: ['CLIENT', 'REPLY', 'SKIP'], replies: 0 },
    { send: ['CLIENT', 'REPLY', 'SKIP'], replies: 0 },
    { send: ['PING'], replies: 0 },
    { send: ['GET', 'k'], is: '$1\r\n3\r\n' },
    ['CLIENT', 'REPLY', 'ON'],
    { send: ['CLIENT', 'REPLY', 'SKIP'], replies: 0 },
    { send: ['NOSUCH'], replies: 0 },
    ['PING'],
  ]);

  // Items of EXEC's array that are not to be heard are missing from it: what comes behind takes their place.
  talk('CLIENT REPLY inside MULTI counts from the next command on', [
    {
      on: 'off',
      raw: 'MULTI\r\nSET k 1\r\nCLIENT REPLY OFF\r\nGET k\r\nEXEC\r\nPING\r\nCLIENT REPLY ON\r\nQUIT\r\n',
      replies: 'all',
      is: '+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n+OK\r\n<closed>',
    },
    {
      on: 'error',
      raw: 'MULTI\r\nCLIENT REPLY OFF\r\nLPUSH k 1\r\nEXEC\r\nCLIENT REPLY ON\r\nPING\r\nQUIT\r\n',
      replies: 'all',
      is: '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+PONG\r\n+OK\r\n<closed>',
    },
    {
      on: 'on again',
      raw: 'CLIENT REPLY OFF\r\nMULTI\r\nGET k\r\nCLIENT REPLY ON\r\nGET k\r\nEXEC\r\nPING\r\nQUIT\r\n',
      replies: 'all',
      is: '+OK\r\n$1\r\n1\r\n+PONG\r\n+OK\r\n<closed>',
    },
    {
      on: 'skip',
      raw: 'MULTI\r\nCLIENT REPLY SKIP\r\nGET k\r\nEXEC\r\nPING\r\nPING\r\nQUIT\r\n',
      replies: 'all',
    },
    { on: 'reset', raw: 'CLIENT REPLY SKIP\r\nRESET\r\nPING\r\nQUIT\r\n', replies: 'all' },
  ]);

  talk('CONFIG GET reads a pattern up to a zero byte, and a name as a whole', [
    ['CONFIG', 'GET', 'time*\0'],
    ['CONFIG', 'GET', 'timeout\0'],
    ['CONFIG', 'GET', '\0*'],
    ['CONFIG', 'GET', '[\0-z]imeout'],
    ['CONFIG', 'GET', 'timeout\0*', 'hz'],
  ]);

  talk('CLIENT KILL closes by every description', [
    { on: 'b', send: ['CLIENT', 'SETNAME', 'b'] },
    ['CLIENT', 'KILL', '1.2.3.4:5'],
    ['CLIENT', 'KILL', 'ID', '0'],
    ['CLIENT', 'KILL', 'ID', 'x'],
    ['CLIENT', 'KILL', 'ID', '-1'],
    ['CLIENT', 'KILL', 'ID', '999999999'],
    ['CLIENT', 'KILL', 'ADDR', '1.2.3.4:5'],
    ['CLIENT', 'KILL', 'LADDR', '1.2.3.4:5'],
    ['CLIENT', 'KILL', 'TYPE', 'nosuch'],
    ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
    ['CLIENT', 'KILL', 'TYPE', 'master'],
    ['CLIENT', 'KILL', 'TYPE', 'replica', 'SKIPME', 'no'],
    ['CLIENT', 'KILL', 'USER', 'nosuch'],
    ['CLIENT', 'KILL', 'SKIPME', 'maybe'],
    ['CLIENT', 'KILL', 'NOSUCH', 'x'],
    ['CLIENT', 'KILL', 'ID'],
    ['CLIENT', 'KILL', 'ID', '1', 'TYPE'],
    ['CLIENT', 'KILL'],
    { send: ['CLIENT', 'KILL', 'USER', 'default', 'TYPE', 'normal', 'SKIPME', 'yes'], is: ':1\r\n' },
    { on: 'b', replies: 'all', is: '<closed>' },
    { send: ['CLIENT', 'KILL', 'TYPE', 'normal'], is: ':0\r\n' },
    { send: ['CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'no'], replies: 'all', is: ':1\r\n<closed>' },
  ]);

  talk('CLIENT PAUSE holds commands back, and UNPAUSE lets them go', [
    ['SET', 'k', '0'],
    { send: ['CLIENT', 'PAUSE', '100000', 'WRITE'], is: '+OK\r\n' },
    { on: 'b', send: ['GET', 'k'] },
    { on: 'b', send: ['INCR', 'k'], replies: 0 },
    { on: 'c', send: ['PING'] },
    ['CLIENT', 'UNPAUSE'],
    { on: 'b', is: ':1\r\n' },
    // All means all, UNPAUSE too.
    ['CLIENT', 'PAUSE', '200'],
    { on: 'c', raw: 'PING\r\nINCR k\r\nGET k\r\n', replies: 0 },
    { send: ['CLIENT', 'UNPAUSE'], is: '+OK\r\n' },
    { on: 'c', replies: 3 },
    ['CLIENT', 'PAUSE', '30', 'ALL'],
    { on: 'b', send: ['GET', 'k'] },
    ['CLIENT', 'PAUSE', 'x'],
    ['CLIENT', 'PAUSE', '-1'],
    ['CLIENT', 'PAUSE', '1.5'],
    ['CLIENT', 'PAUSE', '10', 'NOSUCH'],
    ['CLIENT', 'PAUSE', '10', 'ALL', 'x'],
    ['CLIENT', 'PAUSE'],
    ['CLIENT', 'UNPAUSE', 'x'],
    ['CLIENT', 'UNPAUSE'],
  ]);

  talk('a paused transaction waits at EXEC when it would write', [
    ['SET', 'k', '0'],
    { on: 'b', send: ['MULTI'] },
    { on: 'b', send: ['INCR', 'k'] },
    { on: 'c', send: ['MULTI'] },
    { on: 'c', send: ['GET', 'k'] },
    ['CLIENT', 'PAUSE', '100000', 'WRITE'],
    { on: 'b', send: ['EXEC'], replies: 0 },
    { on: 'c', send: ['EXEC'] },
    ['CLIENT', 'UNPAUSE'],
    { on: 'b' },
  ]);

  talk('CLIENT HELP begins and ends as every HELP', [
    {
      send: ['CLIENT', 'HELP'],
      as: helpFrame,
    },
    ['CLIENT', 'HELP', 'x'],
  ]);

  talk('TIME and LOLWUT answer something', [
    { send: ['TIME'], as: shape },
    ['TIME', 'x'],
    { send: ['LOLWUT'], as: kind },
    { send: ['LOLWUT', 'VERSION', '5'], as: kind },
  ]);
});

/** The names of the fields of each line; how many lines there are counts. */
function fieldNames(reply: string): string {
  const lines = reply.split('\n').filter((line) => line.includes('id='));
  return lines.map((line) => line.replace(/^.*?(?=id=)/, '').replace(/=\S*/g, '')).join('\n') || kind(reply);
}

conversations('connections with a password', { config: { requirepass: 'secret' }, silent: true }, (talk) => {
  const NO_AUTH = '-NOAUTH Authentication required.\r\n';

  talk('only those who know it may do anything', [
    { send: ['GET', 'k'], is: NO_AUTH },
    ['PING'],
    ['CLIENT', 'ID'],
    ['MULTI'],
    ['CONFIG', 'GET', 'requirepass'],
    ['COMMAND', 'COUNT'],
    ['NOSUCH'],
    ['GET'],
    ['HELLO'],
    ['HELLO', '3'],
    ['HELLO', '4'],
    ['HELLO', 'x'],
    ['HELLO', '3', 'AUTH', 'default', 'wrong'],
    ['HELLO', '3', 'SETNAME', 'me'],
    { send: ['AUTH', 'wrong'], is: '-WRONGPASS invalid username-password pair or user is disabled.\r\n' },
    ['AUTH', 'default', 'wrong'],
    ['AUTH', 'nobody', 'secret'],
    ['AUTH', ''],
    ['AUTH', 'secre'],
    ['AUTH', 'secretx'],
    ['AUTH', 'secret\0'],
    { send: ['RESET'], is: '+RESET\r\n' },
    { send: ['AUTH', 'secret'], is: '+OK\r\n' },
    ['GET', 'k'],
    ['AUTH', 'wrong'],
    ['GET', 'k'],
    ['RESET'],
    ['GET', 'k'],
    ['AUTH', 'default', 'secret'],
    ['GET', 'k'],
    { on: 'b', send: ['HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me'], as: noDigits },
    { on: 'b', send: ['CLIENT', 'GETNAME'] },
    { on: 'c', send: ['QUIT'], replies: 'all' },
  ]);

  talk('strangers may not make the server hold much', [
    {
      on: 'd',
      raw: `*11\r\n${'$1\r\nx\r\n'.repeat(11)}`,
      replies: 'all',
      is: '-ERR Protocol error: unauthenticated multibulk length\r\n<closed>',
    },
    {
      on: 'e',
      raw: '*2\r\n$4\r\nECHO\r\n$16385\r\n',
      replies: 'all',
      is: '-ERR Protocol error: unauthenticated bulk length\r\n<closed>',
    },
    { on: 'f', raw: `*10\r\n${'$1\r\nx\r\n'.repeat(10)}` },
    { on: 'g', raw: `*2\r\n$4\r\nAUTH\r\n$16384\r\n${'x'.repeat(16384)}\r\n` },
    {
      on: 'h',
      raw: `*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$4\r\nECHO\r\n$16385\r\n${'x'.repeat(16385)}\r\n`,
      replies: 2,
    },
    { on: 'i', raw: `AUTH ${'x '.repeat(20)}\r\n` },
  ]);

  talk('CONFIG SET requirepass takes effect for those who come', [
    ['AUTH', 'secret'],
    ['CONFIG', 'SET', 'requirepass', ''],
    { on: 'b', send: ['PING'] },
    ['CONFIG', 'SET', 'requirepass', 'other'],
    { on: 'b', send: ['PING'] },
    { on: 'c', send: ['PING'] },
    { on: 'c', send: ['AUTH', 'secret'] },
    { on: 'c', send: ['AUTH', 'other'] },
    ['CONFIG', 'GET', 'requirepass'],
    ['CONFIG', 'SET', 'requirepass', 'secret'],
  ]);
});
