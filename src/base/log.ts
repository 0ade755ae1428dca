/*
 * Log lines in Redis' form, so that people and tools that read redis-server logs read ours. To log never throws: a line
 * that cannot be written is counted, and how many there were is said once, when lines can be written again.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
const MARKS: Record<LogLevel, string> = { debug: '.', verbose: '-', notice: '*', warning: '#' };

/** Primary, replica, a child at work, or the watcher that is none of them. */
export type LogRole = 'M' | 'S' | 'C' | 'X';

export interface LoggerOptions {
  level: LogLevel | 'nothing';
  /** Gets each line without its line break. May throw: then the line is lost. */
  sink: (line: string) => void;
  now_ms: () => number;
  role: () => LogRole;
  pid: number;
}

export class Logger {
  /** Lines below it are dropped; may be changed at any time. */
  level: LogLevel | 'nothing';
  readonly #options: LoggerOptions;
  /** Lines in a row that could not be written, and why the last one could not. */
  #lost = 0;
  #why = '';

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
    if (this.shows(level)) this.#give(level, text);
  }

  #give(level: LogLevel, text: string): void {
    const { pid, role, now_ms, sink } = this.#options;
    try {
      sink(`${pid}:${role()} ${formatTime(now_ms())} ${MARKS[level]} ${text}`);
    } catch (error) {
      this.#lost++;
      this.#why = error instanceof Error ? error.message : String(error);
      return;
    }
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#give('warning', `The log could not be written (${this.#why}): ${lost} lines before the last one are missing`);
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
