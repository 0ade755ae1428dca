import { getSystemErrorMessage } from 'node:util';
import { toByteText } from './byte-text.ts';

/** What strerror(3) says of a failure of the system; of any other, its own message. A byte text. */
export function systemReason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  if (errno === undefined) return toByteText(message);
  const text = getSystemErrorMessage(errno);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
