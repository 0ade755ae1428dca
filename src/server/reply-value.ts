/* What goes into a command of the library, and what comes out. Free of Node's types: programs may be without them. */

/** What a reply means in JavaScript. Texts are UTF-8; an error inside a list (of EXEC, say) is a value like the others. */
export type ReplyValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | CommandFailure
  | ReplyValue[]
  | Map<ReplyValue, ReplyValue>;

export type Argument = string | number | bigint | Uint8Array;

/** The server refused a command. `code` is the first word of its answer: ERR, WRONGTYPE, MOVED … */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly code: string;

  constructor(line: string) {
    super(line);
    this.code = /^[A-Z]+/.exec(line)?.[0] ?? 'ERR';
  }
}
