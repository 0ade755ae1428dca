/* Files whose name somebody chose: in one that is no regular file a reader may have to wait for ever. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Answers the descriptor. Throws what the system says, or that it is no regular file. */
export function openRegularFile(file: string | Buffer): number {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new NotRegular('Not a regular file');
}

/** The whole file. Throws likewise. */
export function readRegularFile(file: string | Buffer): Buffer {
  const fd = openRegularFile(file);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

class NotRegular extends Error {
  readonly code = 'EINVAL';
}
