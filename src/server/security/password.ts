/* Comparing passwords takes the same time whatever they have in common, so that time tells nothing. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { bytesOf } from '../../base/byte-text.ts';

/** `required` is a byte text, as the configuration has it. */
export function isPassword(given: Buffer, required: string): boolean {
  return timingSafeEqual(digest(given), digest(bytesOf(required)));
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
