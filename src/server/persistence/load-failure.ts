/** Start-up cannot go on: the data on disk is damaged, incomplete or unreadable. The message is the log line. */
export class LoadFailure extends Error {
  readonly path: string;
  /** Where in the file; -1 when it is not about a place. */
  readonly offset: number;

  constructor(path: string, offset: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LoadFailure';
    this.path = path;
    this.offset = offset;
  }
}
