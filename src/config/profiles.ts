/*
 * compat-profile: as which server this one is to be seen. There is one behaviour, that of Redis 7.2. A profile changes what
 * is reported, in which version data is written for others, and some defaults: what a tool, a client library, a file or
 * another server goes by.
 */

export const PROFILE_NAMES = ['redis-7.2', 'redis-7.0', 'valkey-8'] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];

export interface Profile {
  /** redis_version of INFO: tools decide by it what they may use. */
  readonly redisVersion: string;
  /** Whose server it is said to be, in HELLO and in error texts. */
  readonly product: 'redis' | 'valkey';
  /** In HELLO, unless hello-version says another; and beside the product in files. */
  readonly productVersion: string;
  /** Of RDB files, full copies and DUMP payloads. */
  readonly rdbVersion: number;
  /** Whether it is told what came with 7.2: packed sets and lists, shard ids, and fields of CLIENT LIST and INFO. */
  readonly since72: boolean;
  /** Where CONFIG starts, when nothing is said. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'redis-7.2': {
    redisVersion: '7.2.4',
    product: 'redis',
    productVersion: '7.2.4',
    rdbVersion: 11,
    since72: true,
    defaults: {},
  },
  'redis-7.0': {
    redisVersion: '7.0.15',
    product: 'redis',
    productVersion: '7.0.15',
    rdbVersion: 10,
    since72: false,
    defaults: {},
  },
  'valkey-8': {
    redisVersion: '7.2.4',
    product: 'valkey',
    productVersion: '8.0.1',
    rdbVersion: 11,
    since72: true,
    defaults: {
      'io-threads-do-reads': true,
      'lazyfree-lazy-eviction': true,
      'lazyfree-lazy-expire': true,
      'lazyfree-lazy-server-del': true,
      'lazyfree-lazy-user-del': true,
      'lazyfree-lazy-user-flush': true,
      'repl-backlog-size': 10 * 2 ** 20,
      'replica-lazy-flush': true,
      'syslog-ident': 'valkey',
    },
  },
};

export const DEFAULT_PROFILE: Profile = PROFILES['redis-7.2'];

export function profileOf(config: { readonly 'compat-profile': ProfileName }): Profile {
  return PROFILES[config['compat-profile']];
}
