/* What DEBUG changes about files and payloads, for tests, and nothing else does. */

import { NEVER_PLAIN } from '../rdb/output.ts';

export interface TestSwitches {
  /** AOF-FLUSH-SLEEP: so long the server stands still before each write to the log. */
  flushSleep_ms: number;
  /** SET-SKIP-CHECKSUM-VALIDATION: whatever checksum an RDB or a DUMP payload has, it will do. */
  skipsChecksums: boolean;
  /** QUICKLIST-PACKED-THRESHOLD: list elements of so many bytes are written as nodes of their own. */
  plainFrom: number;
}

export function allSwitchesOff(): TestSwitches {
  return { flushSleep_ms: 0, skipsChecksums: false, plainFrom: NEVER_PLAIN };
}
