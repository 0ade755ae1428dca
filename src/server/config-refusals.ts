/*
 * Directives that a server may not ignore: whoever wrote them relies on somebody being kept out. This version knows one
 * user and its password, and no other names for commands; with anything more it does not start.
 *
 * CONFIG REWRITE of redis-server writes the default user into every file, also where nobody ever touched it. Such a line
 * says what is so in any case, and passes.
 */

import { createHash } from 'node:crypto';
import { bytesOf } from '../base/byte-text.ts';
import type { Config } from '../config/directives.ts';

const EVERYTHING: ReadonlySet<string> = new Set([
  'on',
  'sanitize-payload',
  '~*',
  'allkeys',
  '&*',
  'allchannels',
  '+@all',
  'allcommands',
]);

/** Why a server with this configuration must not start, or null. */
export function whyNotStarted(config: Config): string | null {
  if (config.aclfile !== '') return 'aclfile: this version has no ACL users, only requirepass';
  const user = config.user.find((words) => !isUsualUser(words, config.requirepass));
  if (user !== undefined) return `user ${user[0]}: this version has no ACL users, only requirepass`;
  const [renamed] = config['rename-command'];
  if (renamed !== undefined)
    return `rename-command ${renamed[0]}: this version cannot rename commands or take them away`;
  return null;
}

function isUsualUser([name, ...rules]: readonly string[], password: string): boolean {
  const login =
    password === '' ? ['nopass'] : [`>${password}`, `#${createHash('sha256').update(bytesOf(password)).digest('hex')}`];
  return (
    name === 'default' &&
    rules.includes('on') &&
    rules.some((rule) => login.includes(rule)) &&
    rules.every((rule) => EVERYTHING.has(rule) || login.includes(rule))
  );
}
