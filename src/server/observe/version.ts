/* What this server says it is. Clients choose features by the Redis version, so that is the version it behaves like. */

export const REDIS_VERSION = '7.0.15';
/** Set by the build from package.json. */
declare const RKV_VERSION: string | undefined;
export const OWN_VERSION = typeof RKV_VERSION === 'string' ? RKV_VERSION : '0.0.0-source';
