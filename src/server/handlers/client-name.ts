/* The rule for names of clients: CLIENT SETNAME and HELLO SETNAME share it. */

import { ReplyError } from '../command/errors.ts';

const BAD_NAME = new ReplyError('ERR Client names cannot contain spaces, newlines or special characters.');

/** The name, which may be empty: that takes away the one a client has. */
export function checkClientName(name: string): string {
  if (!isPrintable(name)) throw BAD_NAME;
  return name;
}

/** CLIENT LIST puts such words into lines of fields, so they may not contain what ends a field. */
export function isPrintable(text: string): boolean {
  return /^[!-~]*$/.test(text);
}
