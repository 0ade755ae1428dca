/*
 * Which cluster a command is about, and how to reach it: one of ours by its name, or any nodes by their addresses.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { nearest } from '../../base/nearest.ts';
import {
  certificateFiles,
  clusterFolder,
  clusterNames,
  lockFile,
  nodeFiles,
  nodeFolder,
  nodePorts,
  specFile,
  unfinishedFile,
} from '../machine/layout.ts';
import { isLocked } from '../machine/lock.ts';
import { valueInConf } from '../machine/node-conf.ts';
import { processOf } from '../machine/node-process.ts';
import type { Access } from '../node/access.ts';
import type { Address } from '../node/address.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import { readRecord } from '../spec/spec-file.ts';

export interface ClusterTarget {
  /** null for nodes that we do not manage. */
  readonly name: string | null;
  readonly folder: string | null;
  readonly spec: ClusterSpec | null;
  /** Where to ask first; a topology also asks the nodes that these know. */
  readonly addresses: readonly Address[];
  readonly access: Access;
  /** Its creation was interrupted: nobody is at it. */
  readonly isUnfinished: boolean;
}

/** A cluster with a folder of ours. */
export interface ManagedCluster extends ClusterTarget {
  readonly name: string;
  readonly folder: string;
  readonly spec: ClusterSpec;
}

/** What it takes to find nodes; the spec may be damaged. */
export type NodesFolder = Pick<ManagedCluster, 'name' | 'folder' | 'access'> & { readonly host: string };

export function findCluster({ home, name }: { home: string; name: string }): ManagedCluster {
  const folder = clusterFolder(home, name);
  if (!clusterNames(home).includes(name)) throw noSuchCluster(home, name);
  const spec = readRecord(specFile(folder));
  const addresses = nodePorts(folder).map((port) => ({ host: spec.host, port }));
  return {
    name,
    folder,
    spec,
    addresses,
    access: accessOf(spec, folder),
    isUnfinished: existsSync(unfinishedFile(folder)) && !isLocked(lockFile(folder)),
  };
}

/** The cluster of ours of which a process that runs is the node at this address; null for servers of others. */
export function findOwner(address: Address, home: string): ManagedCluster | null {
  try {
    for (const name of clusterNames(home)) {
      const folder = clusterFolder(home, name);
      const state = processOf(folder, address.port);
      if (state === null || state === 'stopped') continue;
      const cluster = findCluster({ home, name });
      if (isSameHost(address.host, cluster.spec.host)) return cluster;
    }
  } catch (error) {
    // Who gives an address needs no home, and none of its clusters.
    if (!(error instanceof CliFailure)) throw error;
  }
  return null;
}

export function isSameHost(host: string, own: string): boolean {
  return host === own || (host === 'localhost' && own === '127.0.0.1');
}

/** A cluster that is to be removed, in whatever state it is: for that nobody needs its spec. */
export function findRemains({ home, name }: { home: string; name: string }): NodesFolder {
  const folder = clusterFolder(home, name);
  if (!clusterNames(home).includes(name)) throw noSuchCluster(home, name);
  try {
    const { spec, access } = findCluster({ home, name });
    return { name, folder, host: spec.host, access };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    const confs = nodePorts(folder).map((port) => nodeFiles(nodeFolder(folder, port)).config);
    const hosts = confs.flatMap((conf) => valueInConf(conf, 'bind') ?? []);
    return { name, folder, host: hosts[0] ?? '127.0.0.1', access: {} };
  }
}

export function targetOf(addresses: readonly Address[], access: Access = {}): ClusterTarget {
  return { name: null, folder: null, spec: null, addresses, access, isUnfinished: false };
}

/** What the spec and the folder of a cluster say about getting in. */
export function accessOf(spec: ClusterSpec, folder: string): Access {
  const password = spec.password ?? undefined;
  if (!spec.tls) return { password };
  const files = certificateFiles(folder);
  const read = (file: string): string => readCertificate(file, folder);
  return { password, tls: { ca: read(files.ca), cert: read(files.cert), key: read(files.key) } };
}

function readCertificate(file: string, folder: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliFailure(`the certificates of the cluster in ${folder} cannot be read`, {
      code: 'BROKEN_CLUSTER',
      exit: EXIT.conflict,
      why: (error as Error).message,
      suggestions: [`restore ${file} from a backup`, `rkv cluster destroy ${basename(folder)}`],
      cause: error,
    });
  }
}

function noSuchCluster(home: string, name: string): CliFailure {
  const known = clusterNames(home);
  const meant = nearest(name, known);
  const flag = name === 'default' ? '' : ` --cluster ${name}`;
  return new CliFailure(`there is no cluster '${name}'`, {
    code: 'NO_CLUSTER',
    exit: EXIT.usage,
    why:
      meant !== null
        ? `did you mean '${meant}'?`
        : known.length === 0
          ? `${home} holds no clusters`
          : `${home} holds ${known.join(', ')}`,
    suggestions: [known.length === 0 ? `rkv cluster create${flag}` : 'rkv cluster list'],
  });
}
