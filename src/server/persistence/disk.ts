/*
 * The only file that touches the file system on behalf of the server. What it promises:
 *
 * (1) A file written through `AtomicFile` is seen either as it was or complete: temp name in the same folder, fsync,
 *     rename, fsync of the folder. A crash leaves at most a temp file.
 * (2) After a failed `AppendFile.write` the file ends where it ended before, or, if even the truncation failed, `size`
 *     says how much got in. So a log never grows a torn record in its middle.
 * (3) Every failure of the operating system is a `DiskFailure`: it names the operation, the path and the code, and says
 *     the reason in the words of strerror(3), because that text ends up in MISCONF replies and logs.
 *
 * Paths and names are byte texts: what the disk calls a file need not be UTF-8.
 *
 * All of it is synchronous but `syncLater`: what must be on disk before a reply leaves may not wait for a
 * thread pool that other work has filled.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathOf } from '../../base/byte-text.ts';
import { randomHex } from '../../base/prng.ts';
import { openRegularFile, readRegularFile } from '../../base/regular-file.ts';
import { systemReason } from '../../base/system-reason.ts';
import { roomFor, syncFails, truncateFails } from './disk-fault.ts';

export class DiskFailure extends Error {
  readonly path: string;
  readonly operation: string;
  readonly code: string;
  /** The reason alone, in the words of strerror(3): "No space left on device". */
  readonly reason: string;

  constructor(operation: string, filePath: string, code: string, reason: string) {
    super(`${operation} ${filePath}: ${reason}`);
    this.name = 'DiskFailure';
    this.operation = operation;
    this.path = filePath;
    this.code = code;
    this.reason = reason;
  }
}

/** A file that appears under its name only when it is complete and on disk (1). */
export class AtomicFile {
  readonly path: string;
  readonly temp: string;
  /** Bytes. */
  written = 0;
  readonly #file: OpenFile;

  /** `temp` must be in the same file system as `filePath`; the default is beside it. */
  constructor(filePath: string, temp = tempOf(filePath, `pid${process.pid}`)) {
    this.path = filePath;
    this.temp = temp;
    this.#file = new OpenFile(temp, 'w');
  }

  write(buf: Buffer, off = 0, len = buf.length - off): void {
    writeFully(this.#file.fd, this.temp, buf, off, len, null);
    this.written += len;
  }

  /** What is written a piece at a time is better on disk a piece at a time: `commit` then has little left to wait for. */
  syncLater(done: (failure: DiskFailure | null) => void): void {
    this.#file.syncLater(done);
  }

  /** Makes the file visible, also under a name that was not known before; only when this returns may anything rely on it. */
  commit(filePath = this.path): void {
    this.place(filePath);
    syncFolder(path.dirname(filePath));
  }

  /** The same, but that it has this name is on disk with the next `syncFolder` only: for several that appear together. */
  place(filePath = this.path): void {
    attempt('fsync', this.temp, () => {
      failSync(this.temp);
      fs.fsyncSync(this.#file.fd);
    });
    this.show(filePath);
  }

  /** Visible, and on disk when the system likes: for what a crash of the system may undo. */
  show(filePath = this.path): void {
    this.#file.close();
    attempt('rename', this.temp, () => fs.renameSync(pathOf(this.temp), pathOf(filePath)));
  }

  /** Leaves the old file as it is. Not after `commit`. */
  abandon(): void {
    this.#file.close();
    remove(this.temp);
  }
}

/**
 * Bytes that are for this process alone, and on disk because they are many: the file has no name any more from the moment
 * on in which it was created, so nothing is left of it however the process ends.
 */
export class UnnamedFile {
  readonly path: string;
  /** Bytes. */
  written = 0;
  readonly #fd: number;
  /** Whoever reads it, and whoever may still ask to. */
  #users = 1;

  constructor(folder: string) {
    this.path = path.join(folder, `temp-${randomHex(16)}.rdb`);
    this.#fd = attempt('open', this.path, () => fs.openSync(pathOf(this.path), 'wx+', 0o600));
    remove(this.path);
  }

  write(buf: Buffer, off = 0, len = buf.length - off): void {
    writeFully(this.#fd, this.path, buf, off, len, null);
    this.written += len;
  }

  /** Nothing of it is meant to outlive us. */
  syncLater(done: (failure: DiskFailure | null) => void): void {
    setImmediate(() => done(null));
  }

  commit(): void {}

  abandon(): void {
    this.release();
  }

  /** All of it, in pieces; one is valid until the next one is asked for. */
  *chunks(chunkBytes: number): Generator<Buffer> {
    this.#users++;
    try {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      for (let at = 0; at < this.written; ) {
        const got = attempt('read', this.path, () => fs.readSync(this.#fd, chunk, 0, chunk.length, at));
        if (got === 0) throw new DiskFailure('read', this.path, 'EIO', 'Input/output error');
        at += got;
        yield chunk.subarray(0, got);
      }
    } finally {
      this.release();
    }
  }

  /** Nobody new will read it. */
  release(): void {
    this.#users--;
    if (this.#users === 0) attempt('close', this.path, () => fs.closeSync(this.#fd));
  }
}

/** A log: bytes are only ever added at the end (2). */
export class AppendFile {
  readonly path: string;
  size: number;
  readonly #file: OpenFile;

  constructor(filePath: string) {
    this.path = filePath;
    this.#file = new OpenFile(filePath, 'a');
    this.size = attempt('stat', filePath, () => fs.fstatSync(this.#file.fd)).size;
  }

  /** All of it or, as far as the disk allows, nothing (2). */
  write(buf: Buffer, off: number, len: number): void {
    const before = this.size;
    try {
      writeFully(this.#file.fd, this.path, buf, off, len, (written) => {
        this.size += written;
      });
    } catch (failure) {
      if (this.size > before) this.#truncateBack(before);
      throw failure;
    }
  }

  syncNow(): void {
    attempt('fdatasync', this.path, () => {
      failSync(this.path);
      fs.fdatasyncSync(this.#file.fd);
    });
  }

  syncLater(done: (failure: DiskFailure | null) => void): void {
    this.#file.syncLater(done);
  }

  close(): void {
    this.#file.close();
  }

  #truncateBack(to: number): void {
    try {
      if (truncateFails(this.path)) return;
      fs.ftruncateSync(this.#file.fd, to);
      this.size = to;
    } catch {
      // `size` keeps counting the bytes that stay: the caller goes on behind them.
    }
  }
}

/** Reads a file from front to back in pieces. */
export class FileReader {
  readonly path: string;
  readonly size: number;
  position = 0;
  #fd: number;

  constructor(filePath: string) {
    this.path = filePath;
    this.#fd = attempt('open', filePath, () => openRegularFile(pathOf(filePath)));
    this.size = attempt('stat', filePath, () => fs.fstatSync(this.#fd)).size;
  }

  /** Fills `into` from its start; answers how many bytes there were, 0 at the end. */
  read(into: Buffer): number {
    const got = attempt('read', this.path, () => fs.readSync(this.#fd, into, 0, into.length, this.position));
    this.position += got;
    return got;
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    attempt('close', this.path, () => fs.closeSync(fd));
  }
}

/**
 * Where a new content of a file is written before it takes its name. `purpose`, letters and digits, keeps two apart that
 * are written at the same time.
 */
export function tempOf(filePath: string, purpose: string): string {
  return path.join(path.dirname(filePath), `temp-${purpose}-${path.basename(filePath)}`);
}

export function writeFileAtomically(filePath: string, bytes: Buffer, temp?: string): void {
  writeWhole(new AtomicFile(filePath, temp), bytes, (file) => file.commit());
}

/** The same, where a crash of the system may bring the old content back until the next `syncFolder`. */
export function placeFile(filePath: string, bytes: Buffer, temp?: string): void {
  writeWhole(new AtomicFile(filePath, temp), bytes, (file) => file.place());
}

function writeWhole(file: AtomicFile, bytes: Buffer, finish: (file: AtomicFile) => void): void {
  try {
    file.write(bytes);
    finish(file);
  } catch (failure) {
    abandonQuietly(file);
    throw failure;
  }
}

/** The same, where a crash of the system may bring the old content back, and on some file systems an empty file. */
export function replaceFile(filePath: string, bytes: Buffer): void {
  writeWhole(new AtomicFile(filePath), bytes, (file) => file.show());
}

/** What the work fails with when the disk does; anything else is thrown on. */
export function whyNot(work: () => void): DiskFailure | null {
  try {
    work();
    return null;
  } catch (failure) {
    if (failure instanceof DiskFailure) return failure;
    throw failure;
  }
}

/** For clean-up on the way out of a failure: the first failure is the one worth telling. */
export function abandonQuietly(file: Pick<AtomicFile, 'abandon'>): void {
  try {
    file.abandon();
  } catch {
    // The temp file stays; its name says what it is.
  }
}

/** A file that is known to be small: a manifest, nodes.conf, an ACL file. */
export function readSmallFile(filePath: string, size_max: number): Buffer {
  const size = sizeOf(filePath);
  if (size > size_max) throw new DiskFailure('read', filePath, 'EFBIG', `Larger than ${size_max} bytes`);
  return attempt('read', filePath, () => readRegularFile(pathOf(filePath)));
}

/** Creates the file when there is none; one that is there is not even opened. */
export function createEmpty(filePath: string): void {
  try {
    fs.closeSync(fs.openSync(pathOf(filePath), 'wx', 0o644));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw asDiskFailure('open', filePath, error);
  }
}

/** Device and inode: which file it is that has this name now. Null when there is none. */
export function identityOf(filePath: string): string | null {
  const stat = attempt('stat', filePath, () => fs.statSync(pathOf(filePath), { throwIfNoEntry: false }));
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

/** Size in bytes, or -1 when there is no such file. */
export function sizeOf(filePath: string): number {
  const stat = attempt('stat', filePath, () => fs.statSync(pathOf(filePath), { throwIfNoEntry: false }));
  return stat === undefined ? -1 : stat.size;
}

export function fileExists(filePath: string): boolean {
  return sizeOf(filePath) >= 0;
}

export function folderExists(folder: string): boolean {
  const stat = attempt('stat', folder, () => fs.statSync(pathOf(folder), { throwIfNoEntry: false }));
  return stat?.isDirectory() ?? false;
}

/** Names and sizes of the files in a folder; none when there is no such folder. */
export function listFiles(folder: string): Map<string, number> {
  const sizes = new Map<string, number>();
  if (!folderExists(folder)) return sizes;
  for (const name of attempt('readdir', folder, () => fs.readdirSync(pathOf(folder), 'latin1'))) {
    const size = sizeOf(path.join(folder, name));
    if (size >= 0) sizes.set(name, size);
  }
  return sizes;
}

export function makeFolder(folder: string): void {
  attempt('mkdir', folder, () => fs.mkdirSync(pathOf(folder), { recursive: true, mode: 0o755 }));
}

/** No complaint when it is not there: it is gone, which is what was asked for. */
export function remove(filePath: string): void {
  try {
    fs.unlinkSync(pathOf(filePath));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asDiskFailure('unlink', filePath, error);
  }
}

/** Renames and makes the new name survive a power cut. */
export function rename(from: string, to: string): void {
  attempt('rename', from, () => fs.renameSync(pathOf(from), pathOf(to)));
  syncFolder(path.dirname(to));
}

export function truncateFile(filePath: string, size: number): void {
  attempt('truncate', filePath, () => {
    const fd = fs.openSync(pathOf(filePath), 'r+');
    try {
      fs.ftruncateSync(fd, size);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** A new name in a folder is on disk only when the folder itself is. */
export function syncFolder(folder: string): void {
  attempt('fsync', folder, () => {
    const fd = fs.openSync(pathOf(folder), 'r');
    try {
      fs.fsyncSync(fd);
    } catch (error) {
      // Some file systems have nothing to do for a folder and say so with EINVAL.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Likewise the name and the content that a file has now, in the thread pool. */
export function syncLater(filePath: string, done: (failure: DiskFailure | null) => void): void {
  const sync = (name: string, then: (failure: DiskFailure | null) => void): void => {
    const problem = whyNot(() => {
      const file = new OpenFile(name, 'r');
      file.syncLater(then);
      file.close();
    });
    if (problem !== null) then(problem);
  };
  sync(filePath, (failure) => {
    if (failure !== null) return done(failure);
    sync(path.dirname(filePath), (other) => done(other?.code === 'EINVAL' ? null : other));
  });
}

/** Runs a system call and gives its failure a name (3). */
function attempt<T>(operation: string, filePath: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asDiskFailure(operation, filePath, error);
  }
}

function asDiskFailure(operation: string, filePath: string, error: unknown): DiskFailure {
  if (error instanceof DiskFailure) return error;
  const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
  return new DiskFailure(operation, filePath, code, reasonOf(code, error));
}

/** libuv has the same texts as strerror, in lower case, with a few exceptions. */
function reasonOf(code: string, error: unknown): string {
  return code === 'EIO' ? 'Input/output error' : systemReason(error);
}

/** A descriptor that the thread pool may be working on when it is to be closed. */
export class OpenFile {
  readonly fd: number;
  readonly #path: string;
  #syncs = 0;
  #closing = false;

  constructor(filePath: string, flags: 'a' | 'r' | 'r+' | 'w') {
    this.#path = filePath;
    this.fd = attempt('open', filePath, () => fs.openSync(pathOf(filePath), flags, 0o644));
  }

  /** The first `len` bytes, or as many as there are. */
  readStart(buf: Buffer, len: number): number {
    return attempt('read', this.#path, () => fs.readSync(this.fd, buf, 0, len, 0));
  }

  /** The first `len` bytes of `buf` take the place of those of the file, in one call where the disk has room. */
  overwriteStart(buf: Buffer, len: number): void {
    const wanted = roomFor(this.#path, len);
    const written = wanted === 0 ? 0 : attempt('write', this.#path, () => fs.writeSync(this.fd, buf, 0, wanted, 0));
    if (written < len) throw new DiskFailure('write', this.#path, 'ENOSPC', 'No space left on device');
  }

  /** What a write that failed has left is overwritten: the room that the old content had is still there. */
  restore(buf: Buffer, len: number): void {
    attempt('write', this.#path, () => fs.writeSync(this.fd, buf, 0, len, 0));
    this.truncate(len);
  }

  truncate(size: number): void {
    attempt('truncate', this.#path, () => fs.ftruncateSync(this.fd, size));
  }

  /** fdatasync in the thread pool. */
  syncLater(done: (failure: DiskFailure | null) => void): void {
    this.#syncs++;
    fs.fdatasync(this.fd, (error) => {
      this.#syncs--;
      if (this.#closing && this.#syncs === 0) fs.close(this.fd);
      const failure = error ?? (syncFails(this.#path) ? SYNC_FAULT : null);
      done(failure === null ? null : asDiskFailure('fdatasync', this.#path, failure));
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    // Closed now, its number could be given to another file, and the thread pool would work on that.
    if (this.#syncs === 0) attempt('close', this.#path, () => fs.closeSync(this.fd));
  }
}

function writeFully(
  fd: number,
  filePath: string,
  buf: Buffer,
  off: number,
  len: number,
  wrote: ((bytes: number) => void) | null,
): void {
  let at = off;
  const end = off + len;
  while (at < end) {
    const wanted = roomFor(filePath, end - at);
    const written = wanted === 0 ? 0 : attempt('write', filePath, () => fs.writeSync(fd, buf, at, wanted));
    // POSIX lets a full disk take a part first and fail only the next call; nothing at all would loop for ever.
    if (written === 0) throw new DiskFailure('write', filePath, 'ENOSPC', 'No space left on device');
    at += written;
    wrote?.(written);
  }
}

const SYNC_FAULT: Partial<NodeJS.ErrnoException> = { code: 'EIO' };

function failSync(filePath: string): void {
  if (syncFails(filePath)) throw SYNC_FAULT;
}
