/* What the tests of this folder share. */
import { Logger } from '../../../src/base/log.ts';

export function silentLog(): Logger {
  return new Logger({ level: 'nothing', sink: () => {}, now_ms: () => 0, role: () => 'M', pid: 1 });
}
