/* The directives that decide which form a value has: those of the live configuration, so CONFIG SET changes them for all. */
import { type Config, defaultConfig } from '../../config/directives.ts';

export type ValueLimits = Pick<Config, 'set-max-intset-entries'>;

export function defaultLimits(): ValueLimits {
  return defaultConfig();
}
