import module, { createRequire } from 'node:module';

/*
 * What both executables do before any of our own code runs. First of all: SIGUSR1, which makes Node open a debugger's port
 * through which anybody on this machine can run code, means nothing here. Everything here must run on Node 20 too: an older Node is
 * often the one that a shell, a git hook or a CI image finds first. A checkout brings a newer Node as a package, so we
 * look for that and start again on it; only where there is none do we refuse.
 */

// Every start passes here, and to import a module of Node is to load all that it can export: scripts/build.mjs says more.
const require = createRequire(import.meta.url);
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { fileURLToPath } = require('node:url');

const NODE_MIN = { major: 22, minor: 13 };
/** Set for the process that was started again, so that a wrong guess cannot start processes for ever. */
const STARTED_AGAIN = 'RKV_REEXEC';

keepDebuggerShut();

export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Answers the version of the Node that runs or will run us, and `startAgain` when that is another process.
 * @returns {{ version: string, startAgain: (() => void) | null } | null} null, and a message, when there is none.
 */
export function pickNode() {
  const again = process.env[STARTED_AGAIN] !== undefined;
  // Not for our children: a server that is started from here may need its own second start.
  delete process.env[STARTED_AGAIN];
  if (isNewEnough(process.versions.node)) return { version: process.versions.node, startAgain: null };
  const newer = again ? null : findNewerNode();
  if (newer !== null) return { version: newer.version, startAgain: () => startOn(newer) };
  process.stderr.write(
    `rkv needs Node ${NODE_MIN.major}.${NODE_MIN.minor} or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install a newer Node, or run `npm ci` in a checkout of rkv, which brings its own.\n',
  );
  process.exitCode = 1;
  return null;
}

/** The Node to start other programs of ours on: this one, or the newer one that a checkout brings. */
export function findNode() {
  return isNewEnough(process.versions.node) ? process.execPath : (findNewerNode()?.path ?? process.execPath);
}

export function packageVersion() {
  return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
}

/** Prints an answer that takes no more than this. Whoever asked may have stopped reading, as in `rkv --version | true`. */
export function print(text) {
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.stdout.write(text);
}

/** Keeps compiled code between runs. Where the folder cannot be written, Node goes on without. */
export function enableCompileCache() {
  const cacheHome = process.env.XDG_CACHE_HOME || join(require('node:os').homedir(), '.cache');
  module.enableCompileCache?.(join(cacheHome, 'rkv', 'v8'));
}

/**
 * The same for a program of which nearly everything is needed soon: from here until it says `--lazy`, which is the first
 * thing that it does, functions are compiled with the file they are in, and so are in the cache. By itself V8 compiles
 * each when it is first called, which is after the cache was made: every process would do that anew.
 */
export function enableWholeCompileCache() {
  require('node:v8').setFlagsFromString('--no-lazy');
  // The flags are part of what a cache is known by, so this comes second.
  enableCompileCache();
}

/** Answers the path of a built file, or null and a message when there is no build. */
export function findBuilt(name) {
  const path = join(packageRoot, 'dist', name);
  if (existsSync(path)) return path;
  process.stderr.write(`rkv is not built: ${path} is missing.\nRun \`npm run build\` in ${packageRoot} first.\n`);
  process.exitCode = 1;
  return null;
}

function isNewEnough(version) {
  return isSince(version, NODE_MIN);
}

function isSince(version, { major: wantedMajor, minor: wantedMinor }) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Answers the flag that keeps a Node of this version from minding SIGUSR1 at all, where it has it. */
function shutFlags(version) {
  const lacksIt = version.startsWith('23.') && !isSince(version, { major: 23, minor: 7 });
  return isSince(version, { major: 22, minor: 14 }) && !lacksIt ? ['--disable-sigusr1'] : [];
}

/** Somebody who asks for the debugger on the command line, or for Node's own variable, still gets it. */
function keepDebuggerShut() {
  process.on('SIGUSR1', () => {});
  const wanted = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((words) => words.includes('--inspect'));
  if (wanted || process.execArgv.includes('--disable-sigusr1')) return;
  // The signal may have come before this line, while Node started: what it did is undone, now and once more when a
  // signal of that time has surely been worked off.
  shutDebugger();
  setImmediate(shutDebugger);
}

function shutDebugger() {
  // To load the inspector takes longer than all else that is done here: only when there is a socket that may be its own.
  if (process.platform === 'linux' && !holdsSocket()) return;
  const inspector = require('node:inspector');
  if (inspector.url() !== undefined) inspector.close();
}

function holdsSocket() {
  const { readdirSync, readlinkSync } = require('node:fs');
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return Number(fd) > 2 && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // The one that the folder itself was read by.
    }
  });
}

function findNewerNode() {
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`, 'node']) {
    let manifest;
    try {
      manifest = require.resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    const path = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (isNewEnough(version) && existsSync(path)) return { path, version };
  }
  return null;
}

function startOn({ path: node, version }) {
  const argv = [...shutFlags(version), ...process.execArgv, ...process.argv.slice(1)];
  const child = require('node:child_process').spawn(node, argv, {
    stdio: 'inherit',
    env: { ...process.env, [STARTED_AGAIN]: '1' },
  });
  const forward = (signal) => child.kill(signal);
  // A terminal sends Ctrl-C to both of us; passing it on would make it two, and the second one means "at once".
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const ignore = () => {};
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of signals) {
    const fromTerminal = signal === 'SIGINT' || signal === 'SIGQUIT';
    process.on(signal, onTerminal && fromTerminal ? ignore : forward);
  }
  child.on('error', (error) => {
    process.stderr.write(`rkv could not start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
