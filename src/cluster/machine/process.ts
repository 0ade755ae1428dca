/*
 * Server processes. They outlive the command that started them: detached, with their output in server.log, and found
 * again by pid and start time, because a pid alone may long belong to somebody else.
 */
import { closeSync, fstatSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { execa, execaSync } from 'execa';
import { environmentOfServer } from '../../base/environment.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { type Deadline, pause } from '../run/deadline.ts';
import { CliFailure, EXIT, interrupted, type LogTail } from '../run/failure.ts';
import type { Engine } from './engine.ts';
import type { NodeFiles } from './layout.ts';

export interface RunningProcess {
  readonly pid: number;
  /** As the system tells it; equal only for the same process. */
  readonly started: string;
}

/** What a launch is about: where its files lie, and where it will listen. */
export interface Launch {
  readonly files: NodeFiles;
  readonly address: Address;
}

/** What is in the log before that many bytes is of earlier runs, and no reason for the end of this one. */
interface Begun extends Launch {
  readonly logStart: number;
}

export interface Launched extends RunningProcess, Begun {
  /** How it ended, or null while it runs. */
  ended(): { readonly code: number | null; readonly signal: string | null } | null;
}

/** A closed port refuses at once, but to look costs what the servers could start with. */
const LOOK_FOR_PORT_MS = 8;
const LOOK_FOR_END_MS = 10;
/** Connections break before the process they belonged to is known to be gone. */
const END_LAG_MS = 500;
const PS_MS = 5000;
/** A killed process may still be giving its memory back; nothing else can hold it up. */
const KILLED_MS_MAX = 10_000;
const LOG_LINES = 8;
const LOG_BYTES_MAX = 16_384;

/** Starts a server; it is not yet ready when this returns. */
export async function launch(engine: Engine, { files, address }: Launch): Promise<Launched> {
  // The server writes into the file itself: a pipe through this process would end with it. (Any descriptor will do for
  // execa; its types know those of the standard streams alone.)
  const log = openLog({ files, address }) as 1;
  const begun = { files, address, logStart: fstatSync(log).size };
  try {
    const running = execa(engine.file, [...engine.args, files.config], {
      cwd: files.folder,
      env: environmentOfServer(process.env),
      extendEnv: false,
      detached: true,
      cleanup: false,
      reject: false,
      buffer: false,
      stdio: ['ignore', log, log],
    });
    let ended: ReturnType<Launched['ended']> = null;
    const child = running.nodeChildProcess;
    void running.then((result) => {
      ended = { code: result.exitCode ?? null, signal: result.signal ?? null };
    });
    const started = child.pid === undefined ? null : startTime(child.pid);
    if (child.pid === undefined || started === null) {
      // Gone before it could be looked at.
      const result = await running;
      const why = result.exitCode === undefined ? result.originalMessage : undefined;
      throw died(begun, { code: result.exitCode ?? null, signal: result.signal ?? null }, why);
    }
    child.unref();
    const { pid } = child;
    try {
      rememberProcess(files, { pid, started });
    } catch (error) {
      // Nobody would find it again.
      await stopProcess({ pid, started }, 0);
      throw unusable({ files, address }, error);
    }
    return { ...begun, pid, started, ended: () => ended };
  } finally {
    closeSync(log);
  }
}

function openLog({ files, address }: Launch): number {
  try {
    return openSync(files.log, 'a', 0o600);
  } catch (error) {
    throw unusable({ files, address }, error);
  }
}

function unusable({ files, address }: Launch, error: unknown): CliFailure {
  return new CliFailure(`node ${formatAddress(address)} cannot be started: its folder cannot be used`, {
    code: 'BROKEN_NODE',
    exit: EXIT.conflict,
    why: (error as Error).message,
    evidence: [`its folder is ${files.folder}`],
    cause: error,
  });
}

/** What a program writes that ends by itself; '' for one that writes nothing, or not in time. */
export function askProgram(file: string, args: readonly string[], timeout_ms: number): string {
  const { stdout } = execaSync(file, [...args], { reject: false, timeout: timeout_ms });
  return String(stdout ?? '');
}

/**
 * Waits until the client port of each accepts connections, and tells how many do. One port is looked at at a time: they
 * open at about the same moment, and all the looking would keep them from it. Fails at once when one of the processes ends.
 */
export async function awaitAllListening(
  all: readonly Launched[],
  { deadline, signal, ready }: { deadline: Deadline; signal: AbortSignal; ready?: (count: number) => void },
): Promise<void> {
  for (const [index, launched] of all.entries()) {
    await awaitListening(launched, { deadline, signal, together: all });
    ready?.(index + 1);
  }
}

/** Waits until the client port accepts connections; fails at once when the process, or one started together with it, ends. */
export async function awaitListening(
  launched: Launched,
  {
    deadline,
    signal,
    together = [launched],
  }: { deadline: Deadline; signal: AbortSignal; together?: readonly Launched[] },
): Promise<void> {
  const { address, files } = launched;
  const name = formatAddress(address);
  for (;;) {
    if (signal.aborted) throw interrupted(`the start of node ${name}`);
    for (const one of together) {
      const ended = one.ended();
      if (ended !== null) throw died(one, ended);
    }
    if (await accepts(address)) return;
    if (deadline.left_ms() === 0) {
      throw new CliFailure(`node ${name} was not ready in time`, {
        code: 'TIMEOUT',
        exit: EXIT.timeout,
        why: `the process runs (pid ${launched.pid}), but port ${address.port} accepts no connections`,
        log: tailLog(files.log),
        suggestions: ['--timeout 120     # on a busy machine'],
      });
    }
    await pause(LOOK_FOR_PORT_MS, signal);
  }
}

/** When something failed for which all of these had to run: the failure that says which of them died, or null. */
export async function explainByDeath(all: readonly Launched[], failure: CliFailure): Promise<CliFailure | null> {
  if (failure.code === 'NODE_DIED') return null;
  const end_ms = performance.now() + (/^NODE_(UNREACHABLE|CLOSED)$/.test(failure.code) ? END_LAG_MS : 0);
  for (;;) {
    for (const one of all) {
      const ended = one.ended();
      if (ended !== null) return diedLater(one, ended, failure);
    }
    if (performance.now() >= end_ms) return null;
    await pause(LOOK_FOR_END_MS, new AbortController().signal);
  }
}

/** The process of a node that was started by this or an earlier command, or null when it is gone. */
export function findRunning(files: NodeFiles): RunningProcess | null {
  const match = /^([1-9]\d{0,9}) (\S+)$/.exec(readText(files.pid).trim());
  if (match === null) return null;
  const process = { pid: Number(match[1]), started: match[2]! };
  return isAlive(process) ? process : null;
}

export function rememberProcess(files: NodeFiles, { pid, started }: RunningProcess): void {
  writeFileSync(files.pid, `${pid} ${started}\n`, { mode: 0o600 });
}

/** The process that runs this code. */
export function currentProcess(): RunningProcess {
  return { pid: process.pid, started: startTime(process.pid) ?? 'unknown' };
}

/** The process of that id, or null when there is none. */
export function runningProcess(pid: number): RunningProcess | null {
  const started = startTime(pid);
  return started === null ? null : { pid, started };
}

/** Frozen by SIGSTOP: it holds its ports and answers nothing. */
export function isPaused({ pid, started }: RunningProcess): boolean {
  return startTime(pid) === started && stateOf(pid) === 'T';
}

export function isAlive({ pid, started }: RunningProcess): boolean {
  return startTime(pid) === started;
}

/** Asks it to end, and ends it when it has not within `grace_ms`. True when it went by itself. */
export async function stopProcess(
  running: RunningProcess,
  grace_ms: number,
  killed_ms = KILLED_MS_MAX,
): Promise<boolean> {
  if (!isAlive(running)) return true;
  sendSignal(running, 'SIGTERM');
  if (await hasEnded(running, grace_ms)) return true;
  sendSignal(running, 'SIGKILL');
  if (!(await hasEnded(running, killed_ms))) {
    throw new CliFailure(`process ${running.pid} cannot be stopped`, {
      code: 'NODE_STUCK',
      exit: EXIT.unexpected,
      why: 'it did not end after SIGKILL',
    });
  }
  return false;
}

export function sendSignal(running: RunningProcess, signal: NodeJS.Signals): boolean {
  if (!isAlive(running)) return false;
  try {
    return process.kill(running.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

export async function hasEnded(running: RunningProcess, within_ms: number): Promise<boolean> {
  const end_ms = performance.now() + within_ms;
  while (isAlive(running)) {
    if (performance.now() >= end_ms) return false;
    await pause(LOOK_FOR_END_MS, new AbortController().signal);
  }
  return true;
}

export function forgetProcess(files: NodeFiles): void {
  rmSync(files.pid, { force: true, recursive: true });
}

/** The last lines of a log; they hold the reason when a server dies. */
export function tailLog(file: string, start = 0): LogTail {
  return { file, lines: readLog(file, start).slice(-LOG_LINES) };
}

export async function accepts(address: Address, timeout_ms = 1000): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ ...address, timeout: timeout_ms });
    const answer = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false));
  });
}

function readLog(file: string, start: number): string[] {
  const text = readText(file, start).slice(-LOG_BYTES_MAX);
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** '' for a file that is not there, or cannot be read. */
function readText(file: string, start = 0): string {
  try {
    return statSync(file).isFile() ? readFileSync(file).toString('utf8', start) : '';
  } catch {
    return '';
  }
}

/** A token that differs between two processes with the same pid; null when there is no such process, or only its corpse. */
function startTime(pid: number): string | null {
  if (process.platform === 'linux') {
    const fields = statFields(pid);
    if (fields === null) return null;
    // A leader may be a corpse while its threads still hold the ports: it is gone when they are.
    const isGone = (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1;
    // Counted from the start of the system: after the next one, the same pid may have begun at the same time.
    return isGone || fields[19] === undefined ? null : `${fields[19]}@${bootId()}`;
  }
  const [state, ...started] = askPs(pid, 'stat=,lstart=');
  return state === undefined || state.startsWith('Z') ? null : started.join('_');
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readText('/proc/sys/kernel/random/boot_id').trim().slice(0, 8);
  return boot;
}

/** One letter, as ps(1) has it: R, S, T, … */
function stateOf(pid: number): string | undefined {
  return process.platform === 'linux' ? statFields(pid)?.[0] : askPs(pid, 'stat=')[0]?.[0];
}

/** What follows the name in /proc/<pid>/stat: the name may hold spaces and brackets, the rest is regular. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function askPs(pid: number, columns: string): string[] {
  return askProgram('ps', ['-o', columns, '-p', String(pid)], PS_MS)
    .split(/\s+/)
    .filter((word) => word !== '');
}

type Ended = NonNullable<ReturnType<Launched['ended']>>;

/** Another server may have been quicker, between the look at the ports and this one's own try. */
const PORT_TAKEN = /address (is )?already in use/i;

function died(begun: Begun, ended: Ended, why: string | undefined = reasonIn(begun)): CliFailure {
  const { files, address, logStart } = begun;
  const name = formatAddress(address);
  const how = howEnded(ended);
  const taken = portTaken(begun, ended);
  if (taken !== null) return taken;
  return new CliFailure(`node ${name} did not start`, {
    code: 'NODE_DIED',
    exit: EXIT.unexpected,
    why: why ?? `the process ${how}`,
    evidence: [`node ${name} ${how}`],
    log: tailLog(files.log, logStart),
    suggestions: ['--keep-on-failure     # keeps its folder for inspection'],
  });
}

/** What ended with a word of a port that is in use; null for any other end. */
function portTaken({ files, address, logStart }: Begun, ended: Ended): CliFailure | null {
  const log = tailLog(files.log, logStart);
  const line = log.lines.findLast((one) => PORT_TAKEN.test(one));
  if (ended.signal !== null || line === undefined) return null;
  const name = formatAddress(address);
  return new CliFailure(`a port of node ${name} is not free`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    why: withoutStamp(line),
    evidence: [`node ${name} ${howEnded(ended)}`],
    log,
    suggestions: ['the same command again', '--port auto'],
  });
}

/** It had started; `failure` is how somebody noticed. */
function diedLater(begun: Begun, ended: Ended, failure: CliFailure): CliFailure {
  const { files, address, logStart } = begun;
  const taken = portTaken(begun, ended);
  if (taken !== null) return taken;
  const name = formatAddress(address);
  const how = howEnded(ended);
  return new CliFailure(`node ${name} died`, {
    code: 'NODE_DIED',
    exit: EXIT.unexpected,
    // Who is killed has no time to say why.
    why: (ended.signal === null ? reasonIn(begun) : undefined) ?? `the process ${how}`,
    evidence: [`node ${name} ${how}`, failure.message, ...failure.evidence],
    log: tailLog(files.log, logStart),
    suggestions: ['--keep-on-failure     # keeps its folder for inspection'],
    cause: failure,
  });
}

function howEnded({ code, signal }: Ended): string {
  if (signal !== null) return `was terminated by ${signal}`;
  return code === null ? 'ended' : `exited with code ${code}`;
}

/** The line of a log that says why, without date and pid. */
function reasonIn({ files, logStart }: Begun): string | undefined {
  const lines = readLog(files.log, logStart).filter((line) => !/^\s+at |^Node\.js v/.test(line));
  const telling = /could not|fail|fatal|bad directive|wrong|invalid|unable|denied|in use|can't|cannot|error/i;
  const line = lines.findLast((one) => telling.test(one)) ?? lines.at(-1);
  return line === undefined ? undefined : withoutStamp(line);
}

function withoutStamp(line: string): string {
  return line.replace(/^\d+:\w \d+ \w+ \d+ [\d:.]+ \S /, '').trim();
}
