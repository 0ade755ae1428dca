/** The built command line as a process, as a shell runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
const RUN = join(ROOT, 'bin/run.js');
/** Homes are new in each test; what was compiled for one is good for all, and for the servers that they start. */
const CACHE = join(ROOT, 'node_modules/.cache');

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

export interface RunOptions {
  readonly home?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** latin1 keeps bytes apart that are no UTF-8. */
  readonly encoding?: 'utf8' | 'latin1';
}

/** Starts a command; `child` is for tests that send it signals. */
export function startRkv(
  argv: readonly string[],
  options: RunOptions = {},
): { child: ChildProcess; ended: Promise<Ran> } {
  if (!existsSync(join(ROOT, 'dist/main.js'))) throw new Error('these tests run what is built: npm run build first');
  return start(process.execPath, [RUN, ...argv], options);
}

export function rkv(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return startRkv(argv, options).ended;
}

/** Any other program under the same conditions, to compare with. */
export function program(file: string, argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return start(file, argv, options).ended;
}

export function temporaryHome(): { home: string; remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'rkv-home-'));
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** Looks until it holds; fails when it does not in time. */
export async function until(holds: () => Promise<boolean>, deadline_ms = 15_000): Promise<void> {
  const end = Date.now() + deadline_ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${deadline_ms} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function start(file: string, argv: readonly string[], { home, input = '', env = {}, encoding = 'utf8' }: RunOptions) {
  const child = spawn(file, argv, {
    env: {
      PATH: process.env['PATH'],
      HOME: home ?? tmpdir(),
      LANG: 'C.UTF-8',
      XDG_CACHE_HOME: CACHE,
      ...(home === undefined ? {} : { RKV_HOME: home }),
      ...env,
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding(encoding).on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends without reading its input is no failure of ours.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ stdout, stderr, status }));
  });
  return { child, ended };
}
