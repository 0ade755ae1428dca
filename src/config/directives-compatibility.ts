/** As which server this one is seen (profiles.ts). */
import { oneOf, text } from './directive.ts';
import { PROFILE_NAMES } from './profiles.ts';

export const compatibility = {
  'compat-profile': oneOf(PROFILE_NAMES, {
    initial: 'redis-7.2',
    since: '7.2.0',
    doc: 'Which server this one is to be seen as: what it reports, the version of RDB files, full copies and DUMP payloads, and some defaults. What commands do is the same in all.',
  }),
  'hello-version': text({
    initial: '',
    since: '7.2.0',
    doc: 'The version that HELLO answers; empty is that of the profile. redis-py and jedis cache on the client side from 7.4.0 on.',
    why: (value) => (value === '' || /^\d+\.\d+\.\d+$/.test(value) ? null : 'argument must be a version like 7.4.0'),
  }),
} as const;
