/*
 * One change of a cluster at a time. The lock is a file that only one process can create; it names its owner, so a lock
 * whose owner died is taken over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliFailure, EXIT } from './failure.ts';
import { currentProcess, isAlive } from './process.ts';

export interface Lock {
  release(): void;
}

export function takeLock(file: string, purpose: string): Lock {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const { pid, started } = currentProcess();
  // Twice: a lock that was left behind is removed once, and then somebody may still be quicker.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, `${pid} ${started} ${purpose}\n`, { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(file, error as Error);
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

/** null when the lock has gone meanwhile, or was left half-written by a crash. */
function readOwner(file: string): Owner | null {
  try {
    const match = /^(\d+) (\S+) (.*)$/m.exec(readFileSync(file, 'utf8'));
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

function cannotWrite(file: string, error: Error): CliFailure {
  return new CliFailure(`cannot write to ${dirname(file)}`, {
    code: 'NO_HOME',
    exit: EXIT.unexpected,
    why: error.message,
    suggestions: ['--home with a folder of yours, or RKV_HOME'],
    cause: error,
  });
}
