/* The directives that decide which form a value has: those of the live configuration, so CONFIG SET changes them for all. */
import { type Config, defaultConfig } from '../../config/directives.ts';

export type ValueLimits = Pick<
  Config,
  | 'list-max-listpack-size'
  | 'set-max-intset-entries'
  | 'set-max-listpack-entries'
  | 'set-max-listpack-value'
  | 'hash-max-listpack-entries'
  | 'hash-max-listpack-value'
>;

export function defaultLimits(): ValueLimits {
  return defaultConfig();
}
