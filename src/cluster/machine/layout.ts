/*
 * Where everything of a cluster lies on disk. No other file composes a path, and what becomes a part of one, a name or a
 * port, is checked here, wherever it comes from: nothing outside of the home is ever written or removed, but through a link
 * that somebody has put there in place of a cluster's folder.
 *
 *   <home>/<cluster>/cluster.yaml          the spec as applied
 *                    unfinished            there until `cluster create` has finished
 *                    tls/                  its certificate authority and certificates
 *                    nodes/<port>/         node.conf, nodes.conf, data/, server.log, pid
 *   <home>/<cluster>.lock                  held while somebody changes the cluster; .<cluster>.lock, for a moment, while the
 *                                          lock of a dead owner is taken over
 */
import { accessSync, constants, type Dirent, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CliFailure, EXIT } from '../run/failure.ts';

export interface NodeFiles {
  readonly folder: string;
  readonly config: string;
  /** The node's own record of the cluster; written by the server. */
  readonly nodesConf: string;
  readonly data: string;
  readonly log: string;
  readonly pid: string;
}

export interface CertificateFiles {
  readonly folder: string;
  readonly ca: string;
  readonly caKey: string;
  readonly cert: string;
  readonly key: string;
}

/** RKV_HOME, or `rkv` in the state folder of the XDG convention. */
export function defaultHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.RKV_HOME) return resolve(env.RKV_HOME);
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'rkv');
}

export const CLUSTER_NAME_RULE = 'up to 64 letters, digits, dots, dashes and underscores, with a letter or digit first';

/** A name is one folder of the home: no separator, no dot at the beginning, and not the name of another's lock. */
export function isClusterName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && !name.endsWith('.lock');
}

/** Fails with BAD_NAME for what is no name of a cluster. */
export function clusterFolder(home: string, name: string): string {
  if (isClusterName(name)) return join(resolve(home), name);
  throw new CliFailure(`'${name}' is not the name of a cluster`, {
    code: 'BAD_NAME',
    exit: EXIT.usage,
    why: `expected ${CLUSTER_NAME_RULE}`,
    suggestions: ['rkv cluster list', '--home DIR     # names the folder that holds the cluster'],
  });
}

export function specFile(folder: string): string {
  return join(folder, 'cluster.yaml');
}

export function lockFile(folder: string): string {
  return `${folder}.lock`;
}

/** There while the cluster is being made: a create that was killed leaves it behind. */
export function unfinishedFile(folder: string): string {
  return join(folder, 'unfinished');
}

export function nodeFolder(folder: string, port: number): string {
  if (!isPort(port)) throw new RangeError(`${port} is not a port`);
  return join(folder, 'nodes', String(port));
}

/** Everything that the folder of a cluster holds of ours. */
export function ownParts(folder: string): string[] {
  return [specFile(folder), unfinishedFile(folder), certificateFiles(folder).folder, join(folder, 'nodes')];
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}

export function nodeFiles(folder: string): NodeFiles {
  return {
    folder,
    config: join(folder, 'node.conf'),
    nodesConf: join(folder, 'nodes.conf'),
    data: join(folder, 'data'),
    log: join(folder, 'server.log'),
    pid: join(folder, 'pid'),
  };
}

export function certificateFiles(folder: string): CertificateFiles {
  const tls = join(folder, 'tls');
  return {
    folder: tls,
    ca: join(tls, 'ca.crt'),
    caKey: join(tls, 'ca.key'),
    cert: join(tls, 'node.crt'),
    key: join(tls, 'node.key'),
  };
}

/** The ports of the nodes that have a folder, ascending. */
export function nodePorts(folder: string): number[] {
  const nodes = join(folder, 'nodes');
  if (!isFolder(nodes)) return [];
  return readdirSync(nodes)
    .filter((entry) => /^[1-9]\d{0,4}$/.test(entry) && isFolder(join(nodes, entry)))
    .map(Number)
    .filter(isPort)
    .sort((one, other) => one - other);
}

/** Also one that is not finished, was being made when its maker was killed, or has lost its cluster.yaml. */
function isCluster(folder: string): boolean {
  return isThere(specFile(folder)) || isThere(unfinishedFile(folder)) || hasNodes(folder);
}

/** Is there a node that could be started? */
export function hasNodes(folder: string): boolean {
  return nodePorts(folder).some((port) => isThere(nodeFiles(nodeFolder(folder, port)).config));
}

/** Also a link that leads nowhere. */
export function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The names of all clusters under a home, sorted. */
export function clusterNames(home: string): string[] {
  if (!existsSync(home)) return [];
  if (!statSync(home).isDirectory()) throw badHome(home, 'it is not a folder');
  return foldersOf(home)
    .filter((entry) => isClusterName(entry.name) && isCluster(join(home, entry.name)))
    .map((entry) => entry.name)
    .sort();
}

/** Fails with NO_HOME where the folder could not be made. Makes nothing. */
export function checkFolder(folder: string): void {
  let at = resolve(folder);
  while (!existsSync(at)) at = dirname(at);
  if (!statSync(at).isDirectory()) throw badHome(folder, `${at} is not a folder`);
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw badHome(folder, (error as Error).message);
  }
}

/** Makes a folder and those above it, or fails with NO_HOME. Step by step: Node's own way never ends below /proc. */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  let at = resolve(folder);
  for (; !existsSync(at); at = dirname(at)) missing.push(at);
  if (!statSync(at).isDirectory()) throw badHome(folder, `${at} is not a folder`);
  for (const one of missing.reverse()) {
    try {
      mkdirSync(one, { mode: 0o700 });
    } catch (error) {
      // Another command may have made it meanwhile.
      if (!existsSync(one)) throw badHome(folder, (error as Error).message);
    }
  }
}

export function badHome(folder: string, why: string): CliFailure {
  return new CliFailure(`the folder ${folder} cannot be used`, {
    code: 'NO_HOME',
    exit: EXIT.usage,
    why,
    suggestions: ['--home DIR     # one that you may write to; or RKV_HOME'],
  });
}

function foldersOf(home: string): Dirent[] {
  try {
    // A link to a folder is one, too: a cluster may lie on another disk.
    return readdirSync(home, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(home, entry.name))),
    );
  } catch (error) {
    throw badHome(home, (error as Error).message);
  }
}

/** A file that is shipped with the package, wherever the running code was bundled to. */
export function packagedFile(...path: string[]): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'templates', 'node.conf'))) return join(folder, ...path);
    if (folder === dirname(folder)) break;
  }
  throw new CliFailure(`the installed package is incomplete: ${join(...path)} is missing`, {
    code: 'BROKEN_INSTALL',
    exit: EXIT.unexpected,
    suggestions: ['npm install @rkv/rkv'],
  });
}
