/*
 * One change of a cluster at a time. The lock is a symbolic link that only one process can create, and its text names the
 * owner: it is there whole or not at all, and needs no space on a disk that is full. One whose owner died is taken over.
 */
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliFailure, EXIT } from '../run/failure.ts';
import { badHome, isThere, makeFolder } from './layout.ts';
import { currentProcess, isAlive, isPaused } from './process.ts';

export interface Lock {
  release(): void;
}

export function takeLock(file: string, purpose: string): Lock {
  makeFolder(dirname(file));
  const { pid, started } = currentProcess();
  const text = `${pid} ${started} ${purpose}`;
  const lock = { release: () => rmSync(file, { force: true }) };
  // Twice: it may be released while we look whose it is, and then somebody may still be quicker.
  for (let attempt = 0; attempt < 2; attempt++) {
    if (createLink(text, file)) return lock;
    const owner = readOwner(file);
    if (owner !== null && isAlive(owner)) throw held(file, owner);
    if (takeOver(text, file)) return lock;
  }
  throw held(file, readOwner(file));
}

/** Does another process that runs hold it? */
export function isLocked(file: string): boolean {
  const owner = readOwner(file);
  return owner !== null && owner.pid !== process.pid && isAlive(owner);
}

/**
 * Puts our lock in the place of one whose owner is dead. Only the one who has the name beside it may do so: without that,
 * of two who find the same dead owner, the slower would remove the lock that the quicker one has just taken.
 */
function takeOver(text: string, file: string): boolean {
  const beside = join(dirname(file), `.${basename(file)}`);
  if (!createLink(text, beside)) throw held(beside, readOwner(beside));
  const owner = readOwner(file);
  if (owner === null ? !isThere(file) : isAlive(owner)) {
    rmSync(beside, { force: true });
    return false;
  }
  try {
    renameSync(beside, file);
  } catch (error) {
    // What lies there is nothing that we have written, and not ours to remove.
    rmSync(beside, { force: true });
    throw held(file, null, (error as Error).message);
  }
  return true;
}

/** False when the name is taken. */
function createLink(text: string, file: string): boolean {
  try {
    symlinkSync(text, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw badHome(dirname(file), (error as Error).message);
  }
}

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly purpose: string;
}

/** null when the lock has gone meanwhile, or is nothing that we have written. */
function readOwner(file: string): Owner | null {
  try {
    const match = /^(\d+) (\S+) (.*)$/.exec(readlinkSync(file));
    return match === null ? null : { pid: Number(match[1]), started: match[2]!, purpose: match[3]! };
  } catch {
    return null;
  }
}

function held(file: string, owner: Owner | null, why = `${file} exists`): CliFailure {
  const details = { code: 'LOCKED', exit: EXIT.conflict } as const;
  if (owner === null || !isAlive(owner)) {
    const suggestions = [`rm -r ${file}     # if no other command is running`];
    return new CliFailure('another command is changing this cluster, or was killed', { ...details, why, suggestions });
  }
  const { pid, purpose } = owner;
  const isFrozen = isPaused(owner);
  return new CliFailure('another command is changing this cluster', {
    ...details,
    why: `process ${pid} holds the lock: ${purpose}${isFrozen ? '; it is stopped (SIGSTOP, or Ctrl-Z)' : ''}`,
    suggestions: isFrozen ? [`kill -CONT ${pid}     # lets it go on`] : [`wait for process ${pid}`],
  });
}
