/*
 * The server inside another program: for tests, and for whoever wants Redis without a process beside their own. A handle
 * owns everything: two share nothing, and one that is closed leaves no port, timer, listener or folder behind. It never
 * keeps the process alive, takes no signals, changes no working folder, and says nothing unless it is asked to.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromByteText, pathOf, toByteText } from '../base/byte-text.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { Logger } from '../base/log.ts';
import { nearest } from '../base/nearest.ts';
import { entropySeed, Prng } from '../base/prng.ts';
import { ConfigFailure, type Loaded, loadConfig, realFiles } from '../config/conf-file.ts';
import { type Config, findName, type Name, names } from '../config/directives.ts';
import { quoteWord } from '../config/words.ts';
import { BusFailure } from './bus/bus.ts';
import { compose, type Running } from './compose.ts';
import { InsideClient } from './inside.ts';
import { ListenFailure } from './net/listener.ts';
import { checkNode } from './node-version.ts';
import type { Argument, ReplyValue } from './reply-value.ts';
import { ServerFailure } from './server-failure.ts';
import { ShutdownAborted } from './state/server.ts';

type Setting = string | number | boolean | readonly (string | number)[];

/**
 * Directives of redis.conf by their names, and what to do with the log. Unlike redis-server this listens on 127.0.0.1 at
 * a port that the system chooses, and saves nothing by itself; everything else begins as it does there.
 */
export interface ServerOptions extends Readonly<Partial<Record<Exclude<Name, ProcessDirective>, Setting>>> {
  /** Gets every line of the log. Default: nobody does. */
  readonly log?: (line: string) => void;
  /** Where data lies. Default: a temporary folder, which goes when the server is closed. */
  readonly dir?: string;
}

export interface EmbeddedServer extends AsyncDisposable {
  /** 0 when it listens on a Unix socket only. */
  readonly port: number;
  /** redis://…, with the password; unix://… when there is no port. */
  readonly url: string;
  /** Settles when the server has ended, by `close`, by SHUTDOWN, or because it could not go on: then with the reason. */
  readonly ended: Promise<Error | null>;
  /** Runs a command as one client that needs no password. Rejects with a CommandFailure when the server refuses it. */
  call(command: string, ...args: readonly Argument[]): Promise<ReplyValue>;
  /** Ends the server, saving as it is configured to; the port is free when it resolves. May be called again. */
  close(): Promise<void>;
}

/** An option that cannot be: which one, why, and what was probably meant. */
export class OptionFailure extends Error {
  override readonly name = 'OptionFailure';
  /** NOT_HERE: a directive about a process, which a library has not. CANNOT_LISTEN: a port that is taken, for one. */
  readonly code: 'UNKNOWN_OPTION' | 'BAD_VALUE' | 'NOT_HERE' | 'CANNOT_LISTEN';
  /** As it was given. */
  readonly option: string | null;
  /** An option that was probably meant, or what to do instead. */
  readonly suggestion: string | null;

  constructor(
    message: string,
    {
      code,
      option,
      suggestion = null,
      cause,
    }: Pick<OptionFailure, 'code' | 'option'> & { suggestion?: string | null; cause?: Error },
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.option = option;
    this.suggestion = suggestion;
  }
}

/** Directives about the process that the server runs in, which is not ours here. */
const PROCESS_DIRECTIVES = [
  ...(['daemonize', 'pidfile', 'logfile', 'syslog-enabled', 'include'] as const),
  ...(['shutdown-on-sigint', 'shutdown-on-sigterm'] as const),
] as const;
type ProcessDirective = (typeof PROCESS_DIRECTIVES)[number];

/** Resolves once the port accepts and the data is loaded. Rejects leaving nothing behind. */
export async function startServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  checkNode();
  checkShape(options);
  const folder = options.dir === undefined ? mkdtempSync(path.join(tmpdir(), 'rkv-')) : null;
  const removeFolder = (): void => {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const config = configFrom({ ...options, dir: options.dir ?? (folder as string) });
    return await start(config, { log: options.log, removeFolder });
  } catch (error) {
    removeFolder();
    const told = inWords(error);
    throw told instanceof ListenFailure || told instanceof BusFailure ? cannotListen(told, options) : told;
  }
}

/** What went wrong inside, where texts are bytes, for a program that reads letters. */
function inWords(error: unknown): unknown {
  if (error instanceof Error && !(error instanceof OptionFailure)) error.message = fromByteText(error.message);
  return error;
}

function configFrom({ log: _, ...directives }: ServerOptions & { dir: string }): Config {
  const lines = [`save ""`, 'bind 127.0.0.1', 'port 0'];
  for (const [given, setting] of Object.entries(directives)) {
    if (setting === undefined) continue;
    const name = findName(given);
    if (PROCESS_DIRECTIVES.some((other) => other === name)) {
      throw new OptionFailure(
        `'${given}' applies to a server process of its own, not to a server inside another program`,
        { code: 'NOT_HERE', option: given, suggestion: name === 'logfile' ? 'log' : null },
      );
    }
    if (name === null) throw unknownOption(given);
    // What was given replaces the beginning above, also where lines add up.
    if (name === 'save') lines.splice(lines.indexOf('save ""'), 1);
    lines.push(`${given} ${wordOf(given, setting)}`);
  }
  const { config, notices } = readLines(lines);
  for (const notice of notices) process.emitWarning(`startServer: ${fromByteText(notice)}`, { code: 'RKV_NO_EFFECT' });
  if (!statSync(pathOf(config.dir), { throwIfNoEntry: false })?.isDirectory()) {
    throw new OptionFailure(`'dir' is not a folder: ${fromByteText(config.dir)}`, {
      code: 'BAD_VALUE',
      option: 'dir',
      suggestion: 'omit dir to use a temporary folder',
    });
  }
  return config;
}

function readLines(lines: readonly string[]): Pick<Loaded, 'config' | 'notices'> {
  try {
    return loadConfig({ ...realFiles, argv: ['-'], readStdin: () => lines.join('\n') });
  } catch (error) {
    if (!(error instanceof ConfigFailure)) throw error;
    const { directive } = error;
    const reason = fromByteText(error.reason);
    throw new OptionFailure(directive === null ? reason : `'${directive}': ${reason}`, {
      code: 'BAD_VALUE',
      option: directive,
    });
  }
}

function unknownOption(given: string): OptionFailure {
  const suggestion = nearest(given, names);
  const hint = suggestion === null ? '' : `; did you mean '${suggestion}'?`;
  return new OptionFailure(`'${given}' is not a directive of redis.conf${hint}`, {
    code: 'UNKNOWN_OPTION',
    option: given,
    suggestion,
  });
}

/** Programs without types may hand over anything. */
function checkShape(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionFailure('expected an object of options', { code: 'BAD_VALUE', option: null });
  }
  const { log } = options as { log?: unknown };
  if (log !== undefined && typeof log !== 'function') {
    throw new OptionFailure(`'log': expected a function`, { code: 'BAD_VALUE', option: 'log' });
  }
}

function wordOf(given: string, setting: Setting): string {
  if (!Array.isArray(setting) && !['string', 'number', 'boolean'].includes(typeof setting)) {
    const why = 'expected a text, a number, true or false, or a list';
    throw new OptionFailure(`'${given}': ${why}`, { code: 'BAD_VALUE', option: given });
  }
  if (typeof setting === 'boolean') return setting ? 'yes' : 'no';
  return quoteWord(toByteText(typeof setting === 'object' ? setting.join(' ') : String(setting)));
}

function cannotListen(failure: ListenFailure | BusFailure, options: ServerOptions): OptionFailure {
  const ports = ['tls-port', 'cluster-port', 'unixsocket'] as const;
  const named = ports.find((name) => options[name] !== undefined && failure.message.includes(String(options[name])));
  const option = failure.code === 'EADDRNOTAVAIL' ? 'bind' : (named ?? 'port');
  const suggestion = option === 'port' ? 'omit port to use a free one' : null;
  return new OptionFailure(failure.message, { code: 'CANNOT_LISTEN', option, suggestion, cause: failure });
}

interface Surroundings {
  log: ((line: string) => void) | undefined;
  removeFolder: () => void;
}

async function start(config: Config, { log: sink, removeFolder }: Surroundings): Promise<EmbeddedServer> {
  const clock = unobtrusiveClock();
  const { promise: ended, resolve: settle } = Promise.withResolvers<Error | null>();
  let closing: Promise<void> | null = null;
  let inside: InsideClient | null = null;
  const close = (failure: Error | null, how: 'save' | 'drop' | 'ended'): Promise<void> => {
    closing ??= end(running, { how, removeFolder }).finally(() => {
      inside?.end(failure ?? new ServerFailure('the server is closed'));
      settle(failure);
    });
    return closing;
  };
  const log = new Logger({
    level: config.loglevel,
    sink: (line) => sink?.(fromByteText(line)),
    now_ms: () => clock.now_ms(),
    role: () => 'M',
    pid: process.pid,
  });
  const running = await composeOnFreePort(config, {
    log,
    clock,
    ended: () => void close(null, 'ended'),
    fatal(reason) {
      const failure = new ServerFailure(fromByteText(reason));
      log.warning(reason);
      setImmediate(() => close(failure, 'drop').catch(() => {}));
      throw failure;
    },
  });
  const { server, door } = running;
  const enter = (): InsideClient => {
    const client = new InsideClient();
    // Its replies are for a program: RESP3 says of each what it is.
    door.enterInside(client.stream).resp = 3;
    return client;
  };
  return {
    port: server.port,
    url: urlOf(config, server.port),
    ended,
    call(...args) {
      if (closing !== null) return Promise.reject(new ServerFailure('the server is closed'));
      inside ??= enter();
      return inside.call(args);
    },
    close: () => close(null, 'save'),
    [Symbol.asyncDispose]: () => close(null, 'save'),
  };
}

async function end(
  { server }: Running,
  { how, removeFolder }: { how: 'save' | 'drop' | 'ended'; removeFolder: () => void },
): Promise<void> {
  const why = 'The program that runs the server closes it...';
  const unlessAborted = (error: unknown): Promise<void> => {
    if (!(error instanceof ShutdownAborted)) throw error;
    // By a client, which has no say in this.
    return server.shutdown({ save: 'as-configured', now: true, why });
  };
  try {
    if (how === 'drop') {
      server.abortShutdown();
      await server.shutdown({ save: 'never', force: true, now: true, why });
    }
    if (how === 'save') await server.shutdown({ save: 'as-configured', why }).catch(unlessAborted);
  } catch (error) {
    // It could not save, and ends all the same: whoever closes it hears of it.
    await server.shutdown({ save: 'never', force: true, now: true, why });
    throw inWords(error);
  } finally {
    removeFolder();
  }
}

type Parts = Pick<Parameters<typeof compose>[0], 'log' | 'clock' | 'ended' | 'fatal'>;

/** Small: a server for one test holds a handful of keys. */
const CHUNK_BYTES = 64 * 1024;
/** Ports for clusters, with their bus ports, lie below those that the system gives to others. */
const CLUSTER_PORTS = { first: 15_000, count: 7_000 };
const ATTEMPTS_MAX = 100;

async function composeOnFreePort(config: Config, parts: Parts): Promise<Running> {
  const options = { ...parts, config, configFile: null, chunkBytes: CHUNK_BYTES, anyPort: true, unref: true };
  const mustChoose = config['cluster-enabled'] && config.port === 0 && config['tls-port'] === 0;
  if (!mustChoose) return compose(options);
  // Other nodes derive the bus port from the port, so both must be free: tried by opening them, which leaves no gap.
  const prng = new Prng(entropySeed());
  for (let attempt = 1; ; attempt++) {
    config.port = CLUSTER_PORTS.first + prng.below(CLUSTER_PORTS.count);
    try {
      return await compose(options);
    } catch (error) {
      const isTaken = error instanceof BusFailure || (error instanceof ListenFailure && error.code === 'EADDRINUSE');
      if (!isTaken || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

function urlOf(config: Config, port: number): string {
  const password = config.requirepass === '' ? '' : `:${encodeBytes(config.requirepass)}@`;
  if (port === 0 && config['tls-port'] !== 0) return `rediss://${password}127.0.0.1:${config['tls-port']}`;
  if (port === 0) return `unix://${password}${fromByteText(config.unixsocket)}`;
  return `redis://${password}127.0.0.1:${port}`;
}

/** Each byte that is no letter of a URL as %HH: of UTF-8 that is what encodeURIComponent answers. */
function encodeBytes(text: string): string {
  return text.replaceAll(
    /[^\w.!~*'()-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** A forgotten server never keeps a program from ending. */
function unobtrusiveClock(): Clock {
  const clock = systemClock();
  return {
    ...clock,
    setTimeout: (task, delay_ms) => quiet(clock.setTimeout(task, delay_ms)),
    setInterval: (task, interval_ms) => quiet(clock.setInterval(task, interval_ms)),
  };
}

function quiet<Timer extends object>(timer: Timer): Timer {
  if ('unref' in timer && typeof timer.unref === 'function') timer.unref();
  return timer;
}
