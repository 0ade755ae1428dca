/*
 * The redis-server that tests ask is Debian's 7.0.15, and ours is like 7.2. Where the two are compared, or hand files,
 * payloads or a stream to each other, ours is started with the profile of 7.0, which answers for all that is reported and
 * written. What differs by right in every profile, because there is one behaviour, is listed here.
 */
import type { PROFILE_NAMES } from '../../src/config/profiles.ts';

const PROFILE: (typeof PROFILE_NAMES)[number] = 'redis-7.0';

/** For a server in the process of the test. */
export const AS_7_0 = { 'compat-profile': PROFILE } as const;

/** For a process. */
export const ARGS_AS_7_0: readonly string[] = ['--compat-profile', PROFILE];

/** Commands that it does not know. */
export const UNKNOWN_TO_7_0: ReadonlySet<string> = new Set([
  'client|setinfo',
  'client|no-touch',
  'client|maint_notifications',
  'cluster|myshardid',
]);

/** Commands whose arity or flags are others since 7.2. */
export const CHANGED_SINCE_7_0: ReadonlySet<string> = new Set([
  'wait',
  'command|getkeys',
  'cluster|slots',
  'cluster|shards',
]);

/** Of the names that `CONFIG GET *` shows, those that both show. */
export function shownByBoth(name: string): boolean {
  return !SHOWN_BY_ONE.has(name);
}

const SHOWN_BY_ONE: ReadonlySet<string> = new Set([
  'cluster-announce-human-nodename',
  'locale-collate',
  'set-max-listpack-entries',
  'set-max-listpack-value',
  // Hidden since 7.2.
  'aof-disable-auto-gc',
  // Our own.
  'compat-profile',
  'hello-version',
]);
