/*
 * The bundled server in place of this process, where the system can replace a process: the pid stays, signals and
 * standard streams are the server's own, and nothing of the command line stays in memory. Elsewhere it is a child that
 * gets every signal passed on.
 */
import { spawn } from 'node:child_process';
import { areUtf8, argumentBytes } from '../../base/byte-text.ts';
import { environmentOfServer } from '../../base/environment.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { resolveEngine } from './engine.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Answers the exit code, if this process is still there by then. */
export async function runForeground(words: readonly string[]): Promise<number> {
  if (!areUtf8(argumentBytes(words))) throw notUtf8();
  const { file, args } = resolveEngine('bundled');
  const argv = [...args, ...words];
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    // Node calls the function experimental on each use, which is nothing to tell the user of a server.
    process.removeAllListeners('warning');
    process.execve(file, [file, ...argv], environmentOfServer(process.env));
  }
  return runAsChild(file, argv);
}

/** Node hands words to another program as UTF-8. */
function notUtf8(): CliFailure {
  return new CliFailure('a command-line argument is not UTF-8 and cannot be passed to the server', {
    code: 'USAGE',
    exit: EXIT.usage,
    suggestions: ['put it in a redis.conf', 'use rkv-server, which accepts any bytes'],
  });
}

function runAsChild(file: string, argv: readonly string[]): Promise<number> {
  const child = spawn(file, argv, { stdio: 'inherit', env: environmentOfServer(process.env) });
  for (const signal of SIGNALS) {
    // A terminal has sent Ctrl-C to the child already; a second one would mean 'at once'.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const name of SIGNALS) process.removeAllListeners(name);
      if (signal !== null) process.kill(process.pid, signal);
      resolve(code ?? 1);
    });
  });
}
