/* Files whose name somebody chose, read whole: in one that is no regular file a reader may have to wait for ever. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Throws what the system says, or that it is no regular file. */
export function readRegularFile(file: string | Buffer): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new NotRegular('Not a regular file');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

class NotRegular extends Error {
  readonly code = 'EINVAL';
}
