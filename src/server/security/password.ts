/* Comparing passwords takes the same time whatever they have in common, so that time tells nothing. */

import { createHash, timingSafeEqual } from 'node:crypto';

/** `required` is text of the configuration, one character a byte. */
export function isPassword(given: Buffer, required: string): boolean {
  return timingSafeEqual(digest(given), digest(Buffer.from(required, 'latin1')));
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
