/* The logs of several servers as one stream of lines, from their last lines on and, if wished, on and on. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { fromByteText } from '../../base/byte-text.ts';
import { pause } from '../run/deadline.ts';

export interface LogLine {
  readonly port: number;
  readonly text: string;
}

export interface LogSource {
  readonly port: number;
  readonly file: string;
}

const LOOK_MS = 200;
/** What is read of a log at once; older lines than fit are not looked for. */
const CHUNK_BYTES = 256 * 1024;

export async function* readLogs(
  sources: readonly LogSource[],
  { lines, follow, signal }: { lines: number; follow: boolean; signal: AbortSignal },
): AsyncGenerator<LogLine, void> {
  const readers = sources.map((source) => new LogReader(source));
  for (const reader of readers) yield* reader.last(lines);
  while (follow && !signal.aborted) {
    for (const reader of readers) yield* reader.news();
    await pause(LOOK_MS, signal);
  }
}

class LogReader {
  readonly #source: LogSource;
  #at = 0;
  /** The beginning of a line whose end has not been written yet: a letter may be cut, so it is a byte text. */
  #rest = '';

  constructor(source: LogSource) {
    this.#source = source;
  }

  last(count: number): LogLine[] {
    const size = this.#size();
    this.#at = Math.max(0, size - CHUNK_BYTES);
    return count === 0 ? this.news().slice(0, 0) : this.news().slice(-count);
  }

  news(): LogLine[] {
    const { port, file } = this.#source;
    if (!existsSync(file)) return [];
    const handle = openSync(file, 'r');
    try {
      const size = fstatSync(handle).size;
      // A log that became shorter was begun anew.
      if (size < this.#at) this.#at = 0;
      const buffer = Buffer.alloc(Math.min(size - this.#at, CHUNK_BYTES));
      this.#at += readSync(handle, buffer, 0, buffer.length, this.#at);
      const texts = (this.#rest + buffer.latin1Slice()).split('\n');
      this.#rest = texts.pop() as string;
      return texts.map((text) => ({ port, text: fromByteText(text) }));
    } finally {
      closeSync(handle);
    }
  }

  #size(): number {
    if (!existsSync(this.#source.file)) return 0;
    const handle = openSync(this.#source.file, 'r');
    try {
      return fstatSync(handle).size;
    } finally {
      closeSync(handle);
    }
  }
}
