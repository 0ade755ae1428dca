/** Log lines in Redis' form, so that people and tools that read redis-server logs read ours. */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
const MARKS: Record<LogLevel, string> = { debug: '.', verbose: '-', notice: '*', warning: '#' };

/** Primary, replica, a child at work, or the watcher that is none of them. */
export type LogRole = 'M' | 'S' | 'C' | 'X';

export interface LoggerOptions {
  level: LogLevel | 'nothing';
  /** Gets each line without its line break. */
  sink: (line: string) => void;
  now_ms: () => number;
  role: () => LogRole;
  pid: number;
}

export class Logger {
  /** Lines below it are dropped; may be changed at any time. */
  level: LogLevel | 'nothing';
  readonly #options: LoggerOptions;

  constructor(options: LoggerOptions) {
    this.level = options.level;
    this.#options = options;
  }

  debug(text: string): void {
    this.#write('debug', text);
  }

  verbose(text: string): void {
    this.#write('verbose', text);
  }

  notice(text: string): void {
    this.#write('notice', text);
  }

  warning(text: string): void {
    this.#write('warning', text);
  }

  /** For callers that would build an expensive text. */
  shows(level: LogLevel): boolean {
    return this.level !== 'nothing' && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.level);
  }

  #write(level: LogLevel, text: string): void {
    if (!this.shows(level)) return;
    const { pid, role, now_ms, sink } = this.#options;
    sink(`${pid}:${role()} ${formatTime(now_ms())} ${MARKS[level]} ${text}`);
  }
}

/** Local time, as an operator compares it with the wall clock. */
function formatTime(now_ms: number): string {
  const at = new Date(now_ms);
  const two = (n: number): string => `${n}`.padStart(2, '0');
  const date = `${two(at.getDate())} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
  const millis = `${at.getMilliseconds()}`.padStart(3, '0');
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`;
}
