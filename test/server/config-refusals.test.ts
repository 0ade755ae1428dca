import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/conf-file.ts';
import { startServer } from '../../src/index.ts';
import { whyNotStarted } from '../../src/server/config-refusals.ts';

const HASH = createHash('sha256').update('secret').digest('hex');

test.each([
  ['a user that is not there', 'user app on >p ~app:* +@read', 'user app: '],
  ['the default user, switched off', 'user default off', 'user default: '],
  ['the default user with a password of its own', 'user default on >p ~* &* +@all', 'user default: '],
  ['the default user without commands', 'user default on nopass ~* &* +@all -@dangerous', 'user default: '],
  ['an open door beside a password', 'requirepass secret\nuser default on nopass ~* &* +@all', 'user default: '],
  ['users in a file', 'aclfile /etc/redis/users.acl', 'aclfile: '],
  ['a command that is taken away', 'rename-command CONFIG ""', 'rename-command CONFIG: '],
])('a server does not start with %s', (_, text, why) => {
  expect(whyNotStarted(configOf(text))).toMatch(new RegExp(`^${why}`));
});

test.each([
  ['nothing', ''],
  [
    'the default user as CONFIG REWRITE of redis-server writes it',
    'user default on nopass sanitize-payload ~* &* +@all',
  ],
  ['the same with a password', `requirepass secret\nuser default on sanitize-payload #${HASH} ~* &* +@all`],
])('a server starts with %s', (_, text) => {
  expect(whyNotStarted(configOf(text))).toBeNull();
});

test('the refusal reaches whoever starts a server', async () => {
  await expect(startServer({ aclfile: '/etc/redis/users.acl' })).rejects.toThrow(
    /aclfile: this version has no ACL users/,
  );
});

function configOf(text: string) {
  return loadConfig({ argv: ['-'], readFile: () => '', readStdin: () => text }).config;
}
