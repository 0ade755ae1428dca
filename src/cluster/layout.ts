/*
 * Where everything of a cluster lies on disk. No other file composes a path.
 *
 *   <home>/<cluster>/cluster.yaml          the spec as applied
 *                    tls/                  its certificate authority and certificates
 *                    nodes/<port>/         node.conf, nodes.conf, data/, server.log, pid
 *   <home>/<cluster>.lock                  held while somebody changes the cluster
 */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CliFailure, EXIT } from './failure.ts';

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

export function clusterFolder(home: string, name: string): string {
  return join(resolve(home), name);
}

export function specFile(folder: string): string {
  return join(folder, 'cluster.yaml');
}

export function lockFile(folder: string): string {
  return `${folder}.lock`;
}

export function nodeFolder(folder: string, port: number): string {
  return join(folder, 'nodes', String(port));
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
  if (!existsSync(nodes)) return [];
  return readdirSync(nodes)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .sort((one, other) => one - other);
}

/** The names of all clusters under a home, sorted. */
export function clusterNames(home: string): string[] {
  if (!existsSync(home)) return [];
  return readdirSync(home, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(specFile(join(home, entry.name))))
    .map((entry) => entry.name)
    .sort();
}

/** A file that is shipped with the package, wherever the running code was bundled to. */
export function packagedFile(...path: string[]): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'templates', 'node.conf'))) return join(folder, ...path);
    if (folder === dirname(folder)) break;
  }
  throw new CliFailure(`the installed package is incomplete: no ${join(...path)}`, {
    code: 'BROKEN_INSTALL',
    exit: EXIT.unexpected,
    suggestions: ['npm install @rkv/rkv'],
  });
}
