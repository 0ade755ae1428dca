/* Which rkv this is. As which Redis or Valkey it is seen is in config/profiles.ts. */

/** Set by the build from package.json. */
declare const RKV_VERSION: string | undefined;
export const OWN_VERSION = typeof RKV_VERSION === 'string' ? RKV_VERSION : '0.0.0-source';
