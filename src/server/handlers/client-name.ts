/* The rule for names of clients: CLIENT SETNAME and HELLO SETNAME share it. */

import { ReplyError } from '../command/errors.ts';
import type { Client } from '../state/client.ts';

const BAD_NAME = new ReplyError('ERR Client names cannot contain spaces, newlines or special characters.');

/** An empty name removes the one it has. */
export function setClientName(client: Client, name: string): void {
  if (!isPrintable(name)) throw BAD_NAME;
  client.name = name;
}

/** CLIENT LIST puts such words into lines of fields, so they may not contain what ends a field. */
export function isPrintable(text: string): boolean {
  return /^[!-~]*$/.test(text);
}
