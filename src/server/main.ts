/*
 * The server as a process: command line to running server, signals to an orderly end. A drop-in for starting
 * redis-server: the same files and options, the same log lines that scripts wait for, the same exit codes.
 */

import { closeSync, constants, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import {
  absolutePath,
  areUtf8,
  argumentBytes,
  bytesOf,
  enterFolder,
  pathOf,
  toByteText,
  workingFolder,
} from '../base/byte-text.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { Logger } from '../base/log.ts';
import { systemReason } from '../base/system-reason.ts';
import { ConfigFailure, type Loaded, loadConfig, realFiles } from '../config/conf-file.ts';
import type { Config } from '../config/directives.ts';
import { profileOf } from '../config/profiles.ts';
import { type Starter, starterOf, startInBackground } from './background.ts';
import { BusFailure } from './bus/bus.ts';
import { NodesConfFailure } from './bus/nodes-conf-file.ts';
import { compose, LoadingGivenUp } from './compose.ts';
import { collectWhenQuiet } from './garbage.ts';
import { ListenFailure } from './net/listener.ts';
import { OWN_VERSION } from './observe/version.ts';
import { DiskFailure } from './persistence/disk.ts';
import { LoadFailure } from './persistence/load-failure.ts';
import { TlsFailure } from './security/tls-options.ts';
import type { Server, Shutdown } from './state/server.ts';

/** Soon, because a test server is often killed before it has lived a second. */
const SETTLED_AFTER_MS = 300;

const { O_APPEND, O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } = constants;

/** Runs a server until it is told to stop. `argv` is what follows the program's name, and ends the command line. */
export async function main(argv: readonly string[]): Promise<void> {
  // A terminal that goes away is no reason to lose a server.
  process.on('SIGHUP', () => {});
  const clock = systemClock();
  const starter = starterOf(process.env);
  const tell = (reason: string): void => {
    if (starter === null) process.stderr.write(bytesOf(`${reason}\n`));
    else starter.failed(reason);
  };
  let loaded: Loaded;
  try {
    const words = argumentBytes(argv);
    loaded = loadConfig({ argv: words, ...realFiles });
    if (loaded.config.daemonize && starter === null) {
      refuseLostBytes(words);
      process.exitCode = await startInBackground(argv, clock);
      return;
    }
    enterDir(loaded.config);
    tryLogFile(loaded.config);
  } catch (error) {
    if (!(error instanceof ConfigFailure || error instanceof StartFailure)) throw error;
    tell(error.message);
    process.exit(1);
  }
  await run(loaded, { clock, starter });
}

/** The process cannot become what its configuration says. */
class StartFailure extends Error {
  override name = 'StartFailure';
}

async function run(loaded: Loaded, { clock, starter }: { clock: Clock; starter: Starter | null }): Promise<void> {
  const { config } = loaded;
  let server: Server | null = null;
  const log = new Logger({
    level: config.loglevel,
    sink: logSink(config),
    now_ms: () => clock.now_ms(),
    role: () => (server?.replication.role === 'replica' ? 'S' : 'M'),
    pid: process.pid,
  });
  endOnMistakes(log);
  announce(log, loaded);
  const fail = (reason: string): never => {
    log.warning(reason);
    starter?.failed(reason);
    process.exit(1);
  };
  const { configFile } = loaded;
  try {
    await compose({
      config,
      configFile,
      log,
      fatal: fail,
      ended: () => process.exit(0),
      assembled(made) {
        server = made;
        listenToSignals(server, log);
        collectWhenQuiet(server);
      },
      listening() {
        writePidFile(config, log);
        showLogo(log, config);
        log.notice('Server initialized');
        starter?.listening();
      },
    });
  } catch (error) {
    // Who is told to end while it loads gives up loading, and then ends as SIGTERM says.
    if (error instanceof LoadingGivenUp) return;
    if (!isOperational(error)) throw error;
    fail(error.message);
  }
  if (config.port !== 0 || config['tls-port'] !== 0) log.notice('Ready to accept connections');
  if (config.unixsocket !== '') log.notice(`The server is now ready to accept connections at ${config.unixsocket}`);
  starter?.ready();
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

/** Node hands words to another process as UTF-8. */
function refuseLostBytes(words: readonly string[]): void {
  if (areUtf8(words)) return;
  throw new StartFailure(
    'With daemonize, command-line arguments must be UTF-8, and one is not: put it in a configuration file',
  );
}

/** Relative paths in the configuration mean files in `dir`. */
function enterDir(config: Config): void {
  try {
    enterFolder(config.dir);
  } catch (error) {
    throw new StartFailure(`Can't chdir to '${config.dir}': ${systemReason(error)}`);
  }
  config.dir = workingFolder();
}

/** Later on a line that cannot be written is no reason to end; at the start it is a mistake that somebody can mend. */
function tryLogFile({ logfile }: Config): void {
  if (logfile === '') return;
  try {
    writeAtOnce(pathOf(logfile), O_APPEND, Buffer.alloc(0));
  } catch (error) {
    throw new StartFailure(`Can't open the log file '${absolutePath(logfile)}': ${systemReason(error)}`);
  }
}

function logSink({ logfile, daemonize }: Config): (line: string) => void {
  // Opened for every line, as Redis does, so that log rotation works without a signal. The path is that of the start,
  // wherever `dir` goes.
  const file = pathOf(absolutePath(logfile));
  if (logfile !== '') return (line) => writeAtOnce(file, O_APPEND, bytesOf(`${line}\n`));
  if (daemonize) return () => {};
  return (line) => void writeSync(1, bytesOf(`${line}\n`));
}

/** Nobody waits for the reader of a pipe, neither to be there nor to have room. */
function writeAtOnce(file: string | Buffer, how: number, bytes: Buffer): void {
  const fd = openSync(file, O_WRONLY | O_CREAT | O_NONBLOCK | how, 0o666);
  try {
    writeFileSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

function announce(log: Logger, { config, configFile, notices }: Loaded): void {
  log.notice('oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo');
  log.notice(
    `Redis version=${profileOf(config).redisVersion}, rkv=${OWN_VERSION}, node=${process.version}, pid=${process.pid}, just started`,
  );
  if (configFile === null)
    log.warning(
      'Warning: no config file specified, using the default config. In order to specify a config file use rkv-server /path/to/redis.conf',
    );
  else log.notice('Configuration loaded');
  for (const notice of notices) log.notice(notice);
}

/** Once clients can connect: scripts take the process id in the picture that Redis prints as the sign for it. */
function showLogo(log: Logger, config: Config): void {
  const mode = config['cluster-enabled'] ? 'cluster' : 'standalone';
  log.notice(`Running mode=${mode}, port=${config.port || config['tls-port']}.`);
  if (!config['always-show-logo']) return;
  const lines = [
    `  rkv ${OWN_VERSION}, compatible with Redis ${profileOf(config).redisVersion}`,
    `  Running in ${mode} mode`,
    `  Port: ${config.port || config['tls-port']}`,
    `  PID: ${process.pid}`,
  ];
  log.notice(`\n\n${lines.join('\n')}\n`);
}

/** Failures whose message says all that a person can act on; anything else is our own mistake, and shows its stack. */
function isOperational(error: unknown): error is Error {
  const kinds = [ConfigFailure, ListenFailure, BusFailure, NodesConfFailure, DiskFailure, LoadFailure, TlsFailure];
  return kinds.some((kind) => error instanceof kind);
}

function writePidFile({ pidfile, daemonize }: Config, log: Logger): void {
  const file = pidfile !== '' ? pidfile : daemonize ? '/var/run/redis.pid' : '';
  if (file === '') return;
  const full = pathOf(absolutePath(file));
  try {
    writeAtOnce(full, O_TRUNC, Buffer.from(`${process.pid}\n`));
  } catch (error) {
    log.warning(`Failed to write PID file: ${systemReason(error)}`);
    return;
  }
  process.once('exit', (code) => {
    // The last line of a start that failed is the reason.
    if (code === 0) log.notice('Removing the pid file.');
    try {
      unlinkSync(full);
    } catch {
      // Somebody else removed it; there is nothing left to do.
    }
  });
}

function listenToSignals(server: Server, log: Logger): void {
  let stopping = false;
  const stop = (signal: Signal): void => {
    // Of SIGTERM, which nobody types, one is as good as many.
    if (stopping && signal === 'SIGINT') {
      log.warning('You insist... exiting now.');
      process.exit(1);
    }
    stopping = true;
    const why = server.loading
      ? 'Received shutdown signal during loading, scheduling shutdown.'
      : `Received ${signal} scheduling shutdown...`;
    server.shutdown({ ...asConfigured(server.config, signal), why }).then(
      () => process.exit(0),
      () => {
        stopping = false;
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

type Signal = 'SIGTERM' | 'SIGINT';

function asConfigured(config: Config, signal: Signal): Shutdown {
  const words = config[signal === 'SIGINT' ? 'shutdown-on-sigint' : 'shutdown-on-sigterm'];
  const save = words.includes('save') ? 'always' : words.includes('nosave') ? 'never' : 'as-configured';
  return { save, now: words.includes('now'), force: words.includes('force') };
}

function endOnMistakes(log: Logger): void {
  process.on('uncaughtException', (error) => {
    log.warning(
      `=== BUG REPORT: internal error, the server has to stop ===\n${toByteText(error.stack ?? error.message)}`,
    );
    process.exit(1);
  });
}
