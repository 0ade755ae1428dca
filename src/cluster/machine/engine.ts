/*
 * Which program a node runs. All engines read the same redis.conf, so an engine is a command line and nothing more.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { nearest } from '../../base/nearest.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { packagedFile } from './layout.ts';

export interface Engine {
  /** As the user wrote it. */
  readonly name: string;
  /** What a person reads: 'bundled server', '/usr/bin/redis-server'. */
  readonly title: string;
  readonly file: string;
  /** Arguments before the path of the configuration file. */
  readonly args: readonly string[];
}

const SHUT_DEBUGGER = '--disable-sigusr1';
const INSTALLED: Readonly<Record<string, string>> = { redis: 'redis-server', valkey: 'valkey-server' };

export function resolveEngine(name: string, env: Readonly<Record<string, string | undefined>> = process.env): Engine {
  if (name === 'bundled') return bundledEngine();
  const program = INSTALLED[name];
  if (program !== undefined) {
    const file = findProgram(program, env.PATH ?? '');
    if (file === null) throw notInstalled(name, program);
    return { name, title: file, file, args: [] };
  }
  if (!name.includes('/')) throw unknownEngine(name);
  const file = resolve(name);
  if (!isExecutable(file)) {
    throw new CliFailure(`no server binary at ${file}`, {
      code: 'NO_ENGINE',
      exit: EXIT.usage,
      why: existsSync(file) ? 'the file cannot be executed' : 'there is no such file',
      suggestions: ['--engine bundled'],
    });
  }
  return { name, title: file, file, args: [] };
}

function bundledEngine(): Engine {
  const script = packagedFile('bin', 'rkv-server.js');
  if (!existsSync(script)) {
    throw new CliFailure('the bundled server is missing from this installation', {
      code: 'NO_ENGINE',
      exit: EXIT.unexpected,
      why: `${script} does not exist`,
      suggestions: ['npm install @rkv/rkv', '--engine redis     # where redis-server is installed'],
    });
  }
  // Without the flag SIGUSR1 would open a debugger's port until the server's own first line runs.
  const flags = process.allowedNodeEnvironmentFlags.has(SHUT_DEBUGGER) ? [SHUT_DEBUGGER] : [];
  return { name: 'bundled', title: 'bundled server', file: process.execPath, args: [...flags, script] };
}

function findProgram(program: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, program);
    if (isAbsolute(folder) && isExecutable(file)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function notInstalled(name: string, program: string): CliFailure {
  return new CliFailure(`${program} is not installed`, {
    code: 'NO_ENGINE',
    exit: EXIT.usage,
    why: `${program} was not found in PATH`,
    suggestions: [
      '--engine bundled     # needs nothing installed',
      `--engine /path/to/${program}`,
      `apt install ${name}`,
    ],
  });
}

function unknownEngine(name: string): CliFailure {
  return new CliFailure(`unknown engine '${name}'`, {
    code: 'NO_ENGINE',
    exit: EXIT.usage,
    why: "expected 'bundled', 'redis', 'valkey' or the path of a server binary",
    suggestions: [
      ...(isExecutable(resolve(name)) ? [`--engine ./${name}`] : []),
      `--engine ${nearest(name, ['bundled', ...Object.keys(INSTALLED)]) ?? 'bundled'}`,
    ],
  });
}
