/*
 * daemonize: this program once more, in a session of its own and without the terminal, which waits until that one has
 * said how its start went. So a start that fails is told where it was asked for, with an exit code that says so.
 *
 * What is said goes through one pipe, as byte texts in messages that end with a zero byte: a letter, and behind FAILED the reason.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { bytesOf, toByteText } from '../base/byte-text.ts';
import type { Clock } from '../base/clock.ts';
import { withMemorySettings, withoutSecrets } from '../base/environment.ts';

/** Set for the process in the background, so that it does not start another. */
const IN_BACKGROUND = 'RKV_DAEMONIZED';
/** The pipe, as that process knows it. */
const PIPE_FD = 3;
const LISTENING = 'L';
const READY = 'R';
const FAILED = 'F';
const END = '\0';
const SHUT_DEBUGGER = '--disable-sigusr1';

/** To open ports takes milliseconds; who has not done so after this hangs. */
const LISTENING_WITHIN_MS = 30_000;
/** From then on clients are answered, with LOADING at first: to wait for all of a big data set would hold up a boot. */
const READY_WITHIN_MS = 5000;
/** A reason is a few lines. */
const MESSAGE_CHARS_MAX = 64 * 1024;

/** Whoever started this process, and is to hear how it goes. */
export interface Starter {
  listening(): void;
  ready(): void;
  failed(reason: string): void;
}

/** The other side of `startInBackground`, in the process that it made; null in any other process. */
export function starterOf(env: NodeJS.ProcessEnv): Starter | null {
  if (env[IN_BACKGROUND] === undefined) return null;
  delete env[IN_BACKGROUND];
  const say = (message: string): void => {
    try {
      writeSync(PIPE_FD, bytesOf(`${message}${END}`));
    } catch {
      // It does not wait any more.
    }
  };
  return { listening: () => say(LISTENING), ready: () => say(READY), failed: (reason) => say(`${FAILED}${reason}`) };
}

/** Answers the exit code; what went wrong stands on standard error by then. */
export async function startInBackground(argv: readonly string[], clock: Clock): Promise<number> {
  // Without the flag SIGUSR1 would open a debugger's port until our own first line runs.
  const flags = process.allowedNodeEnvironmentFlags.has(SHUT_DEBUGGER) ? [SHUT_DEBUGGER] : [];
  const child = spawn(process.execPath, [...flags, ...process.execArgv, process.argv[1]!, ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: { ...withoutSecrets(withMemorySettings(process.env)), [IN_BACKGROUND]: '1' },
  });
  const failure = await howItWent(child, clock);
  child.unref();
  child.stdio[PIPE_FD]!.destroy();
  if (failure === null) return 0;
  process.stderr.write(bytesOf(`${failure}\n`));
  return 1;
}

function howItWent(child: ChildProcess, clock: Clock): Promise<string | null> {
  const pipe = child.stdio[PIPE_FD] as Readable;
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const within = `${LISTENING_WITHIN_MS / 1000} seconds`;
  let deadline = clock.setTimeout(
    () => resolve(`The server (process ${child.pid}) has not opened its ports within ${within}: see its log.`),
    LISTENING_WITHIN_MS,
  );
  let text = '';
  pipe.setEncoding('latin1').on('data', (piece: string) => {
    text = (text + piece).slice(-MESSAGE_CHARS_MAX);
    const messages = text.split(END);
    text = messages.pop()!;
    for (const message of messages) {
      if (message === READY) resolve(null);
      else if (message.startsWith(FAILED)) resolve(message.slice(1));
      else if (message === LISTENING) {
        clock.clear(deadline);
        deadline = clock.setTimeout(() => resolve(null), READY_WITHIN_MS);
      }
    }
  });
  pipe.on('error', () => {});
  child.on('error', (error) =>
    resolve(`The server could not be started in the background: ${toByteText(error.message)}`),
  );
  // After `close` nothing can come any more; after `exit` its last words may still be on the way.
  child.on('close', (code, signal) => {
    const how = signal === null ? `exited with code ${code}` : `was terminated by ${signal}`;
    resolve(`The server ${how} before it was ready: see its log.`);
  });
  return promise.finally(() => clock.clear(deadline));
}
