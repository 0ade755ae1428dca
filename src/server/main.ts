/*
 * The server as a process: command line to running server, signals to an orderly end. A drop-in for starting
 * redis-server: the same files and options, the same log lines that scripts wait for, the same exit codes.
 */

import { spawn } from 'node:child_process';
import { appendFileSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../base/clock.ts';
import { withoutSecrets } from '../base/environment.ts';
import { Logger } from '../base/log.ts';
import { ConfigFailure, type Loaded, loadConfig, realFiles } from '../config/conf-file.ts';
import type { Config } from '../config/directives.ts';
import { BusFailure, NodesConfFailure } from './bus/bus.ts';
import { compose, type Running } from './compose.ts';
import { ListenFailure } from './net/listener.ts';
import { OWN_VERSION, REDIS_VERSION } from './observe/version.ts';
import { DiskFailure } from './persistence/disk.ts';
import { LoadFailure } from './persistence/load-failure.ts';
import { TlsFailure } from './security/tls-options.ts';
import type { Server } from './state/server.ts';

/** Set for the process that daemonize starts, so that it does not start another. */
const IN_BACKGROUND = 'RKV_DAEMONIZED';
/** Soon, because a test server is often killed before it has lived a second. */
const SETTLED_AFTER_MS = 300;

/** Runs a server until it is told to stop. `argv` is what follows the program's name. */
export async function main(argv: readonly string[]): Promise<void> {
  const loaded = readConfig(argv);
  if (loaded === null) return;
  const { config } = loaded;
  if (config.daemonize && process.env[IN_BACKGROUND] === undefined) return startInBackground(argv);
  enterFolder(config);
  const clock = systemClock();
  let server: Server | null = null;
  const log = new Logger({
    level: config.loglevel,
    sink: logSink(config),
    now_ms: () => clock.now_ms(),
    role: () => (server?.replication.role === 'replica' ? 'S' : 'M'),
    pid: process.pid,
  });
  announce(log, loaded);
  const running = await start(loaded, log);
  if (running === null) return;
  server = running.server;
  writePidFile(config, log);
  log.notice('Server initialized');
  listenToSignals(running.server, log);
  if (config.port !== 0 || config['tls-port'] !== 0) log.notice('Ready to accept connections');
  if (config.unixsocket !== '') log.notice(`The server is now ready to accept connections at ${config.unixsocket}`);
  clock.setTimeout(settle, SETTLED_AFTER_MS);
}

/** What can wait until the server has started. */
function settle(): void {
  // By itself it would be written at a normal exit only.
  flushCompileCache?.();
  // A request passes through many small functions. Allowed to grow together beyond V8's usual limits, they take some five
  // percent less time per pipelined command. Not earlier: V8 refuses a code cache that was made with other flags.
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}

function readConfig(argv: readonly string[]): Loaded | null {
  try {
    return loadConfig({ argv, ...realFiles });
  } catch (error) {
    if (!(error instanceof ConfigFailure)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
    return null;
  }
}

function startInBackground(argv: readonly string[]): void {
  // Without the flag SIGUSR1 would open a debugger's port until our own first line runs.
  const flags = process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : [];
  const child = spawn(process.execPath, [...flags, ...process.execArgv, process.argv[1]!, ...argv], {
    detached: true,
    stdio: 'ignore',
    env: { ...withoutSecrets(process.env), [IN_BACKGROUND]: '1' },
  });
  child.unref();
}

/** Relative paths in the configuration mean files in `dir`. */
function enterFolder(config: Config): void {
  try {
    process.chdir(config.dir);
  } catch (error) {
    process.stderr.write(`Can't chdir to '${config.dir}': ${(error as NodeJS.ErrnoException).code}\n`);
    process.exit(1);
  }
  config.dir = process.cwd();
}

function logSink({ logfile, daemonize }: Config): (line: string) => void {
  // Opened for every line, as Redis does, so that log rotation works without a signal.
  if (logfile !== '') return (line) => appendFileSync(logfile, `${line}\n`);
  if (daemonize) return () => {};
  return (line) => {
    try {
      writeSync(1, `${line}\n`);
    } catch {
      // Nobody reads standard output any more, or not fast enough: a log line is not worth ending the server.
    }
  };
}

function announce(log: Logger, { config, configFile, notices }: Loaded): void {
  log.notice('oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo');
  log.notice(
    `Redis version=${REDIS_VERSION}, rkv=${OWN_VERSION}, node=${process.version}, pid=${process.pid}, just started`,
  );
  if (configFile === null) log.notice('No config file specified, using the default config.');
  else log.notice('Configuration loaded');
  for (const notice of notices) log.notice(notice);
  const mode = config['cluster-enabled'] ? 'cluster' : 'standalone';
  log.notice(`Running mode=${mode}, port=${config.port || config['tls-port']}.`);
}

async function start({ config, configFile }: Loaded, log: Logger): Promise<Running | null> {
  const fatal = (reason: string): never => {
    log.warning(reason);
    process.exit(1);
  };
  try {
    return await compose({ config, configFile, log, fatal, ended: () => process.exit(0) });
  } catch (error) {
    if (!isOperational(error)) throw error;
    log.warning(error.message);
    process.exitCode = 1;
    return null;
  }
}

/** Failures whose message says all that a person can act on; anything else is our own mistake, and shows its stack. */
function isOperational(error: unknown): error is Error {
  const kinds = [ConfigFailure, ListenFailure, BusFailure, NodesConfFailure, DiskFailure, LoadFailure, TlsFailure];
  return kinds.some((kind) => error instanceof kind);
}

function writePidFile({ pidfile, daemonize }: Config, log: Logger): void {
  const file = pidfile !== '' ? pidfile : daemonize ? '/var/run/redis.pid' : '';
  if (file === '') return;
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (error) {
    log.warning(`Failed to write PID file: ${(error as Error).message}`);
    return;
  }
  process.once('exit', () => {
    try {
      unlinkSync(file);
    } catch {
      // Somebody else removed it; there is nothing left to do.
    }
  });
}

function listenToSignals(server: Server, log: Logger): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) {
      log.warning('You insist... exiting now.');
      process.exit(1);
    }
    stopping = true;
    const why = signal === 'SIGINT' ? 'Received SIGINT' : 'Received SIGTERM';
    server.shutdown({ save: 'as-configured', why }).then(
      () => process.exit(0),
      (error: Error) => {
        log.warning(`Error trying to save the DB, can't exit: ${error.message}`);
        stopping = false;
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A terminal that goes away is no reason to lose a server.
  process.on('SIGHUP', () => {});
  process.on('uncaughtException', (error) => {
    log.warning(`=== BUG REPORT: this server made a mistake and has to end ===\n${error.stack ?? error.message}`);
    process.exit(1);
  });
}
