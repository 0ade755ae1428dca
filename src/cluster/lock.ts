/*
 * One change of a cluster at a time. The lock is a symbolic link that only one process can create, and its text names the
 * owner: it is there whole or not at all, and needs no space on a disk that is full. One whose owner died is taken over.
 */
import { readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliFailure, EXIT } from './failure.ts';
import { badHome, makeFolder } from './layout.ts';
import { currentProcess, isAlive } from './process.ts';

export interface Lock {
  release(): void;
}

export function takeLock(file: string, purpose: string): Lock {
  makeFolder(dirname(file));
  const { pid, started } = currentProcess();
  // Twice: a lock that was left behind is removed once, and then somebody may still be quicker.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      symlinkSync(`${pid} ${started} ${purpose}`, file);
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw badHome(dirname(file), (error as Error).message);
    }
    const owner = readOwner(file);
    if (owner !== null && isAlive(owner)) throw held(file, owner);
    rmSync(file, { force: true });
  }
  throw held(file, readOwner(file));
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

function held(file: string, owner: Owner | null): CliFailure {
  return new CliFailure('another command is changing this cluster', {
    code: 'LOCKED',
    exit: EXIT.conflict,
    why: owner === null ? `${file} exists` : `process ${owner.pid} holds the lock: ${owner.purpose}`,
    suggestions: owner === null ? [`rm ${file}, when no other command runs`] : [`wait for process ${owner.pid}`],
  });
}
