/*
 * Whom `rkv cli` talks to. An address, a socket or a URI says it outright; otherwise it is the cluster of that name, or
 * the default one. A node of a cluster of ours is let in with the password and the certificates of its cluster, so
 * nobody has to look them up for a server that this tool has set up itself.
 */
import { existsSync, readFileSync } from 'node:fs';
import { clusterFolder, clusterNames, nodeFolder, specFile } from '../machine/layout.ts';
import { isAddress, parseAddress } from '../node/address.ts';
import type { RawTls } from '../node/raw-client.ts';
import { CliFailure, EXIT } from '../run/failure.ts';

export interface ServerFlags {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
  readonly uri?: string | undefined;
  readonly cluster?: string | undefined;
  readonly follow: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls: boolean;
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly sni?: string | undefined;
  readonly insecure: boolean;
}

export interface ServerChoice {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: RawTls;
  /** Set by a URI alone. */
  readonly db?: number;
  /** Follow redirections. */
  readonly cluster: boolean;
  /** Set where it is a node of a cluster of ours. */
  readonly owner?: NodeOwner;
}

export interface NodeOwner {
  readonly name: string;
  readonly folder: string;
}

const HOST = '127.0.0.1';
const PORT = 6379;

export async function chooseServer(flags: ServerFlags, home: string): Promise<ServerChoice> {
  const own = ownAccess(flags);
  if (flags.uri !== undefined) return { ...fromUri(flags.uri, flags), cluster: flags.follow };
  if (flags.socket !== undefined) return { host: HOST, port: PORT, path: flags.socket, ...own, cluster: flags.follow };
  const name = flags.cluster ?? 'default';
  if (flags.host === undefined && flags.port === undefined && isAddress(name)) {
    return { ...parseAddress(name.split(',')[0] as string), ...own, cluster: true };
  }
  if (flags.host !== undefined || flags.port !== undefined) {
    const at = { host: flags.host ?? HOST, port: flags.port ?? PORT };
    const managed = await accessOfNode(at, { home, name: flags.cluster });
    return { ...at, ...managed, ...own, cluster: flags.follow };
  }
  if (flags.cluster === undefined && !existsSync(specFile(clusterFolder(home, name)))) {
    return { host: HOST, port: PORT, ...own, cluster: flags.follow };
  }
  return { ...(await fromCluster(home, name)), ...own, cluster: true };
}

/** The first node that listens and is not frozen: nodes may be down, and any other leads on. */
async function fromCluster(home: string, name: string): Promise<Omit<ServerChoice, 'cluster'>> {
  const { findCluster } = await import('../topology/target.ts');
  const { addresses, access, folder } = findCluster({ home, name });
  const { accepts } = await import('../machine/process.ts');
  const { processOf } = await import('../machine/node-process.ts');
  const listening = await Promise.all(
    addresses.map(async (address) => processOf(folder, address.port) !== 'paused' && (await accepts(address))),
  );
  const address = addresses[listening.indexOf(true)] ?? addresses[0];
  if (address === undefined) {
    throw new CliFailure(`cluster ${name} has no nodes`, { code: 'NO_NODES', exit: EXIT.unreachable });
  }
  return { ...address, ...defined(access), owner: { name, folder } };
}

/** What the cluster of ours that this node belongs to asks for; nothing for nodes of others. */
async function accessOfNode(
  { host, port }: { host: string; port: number },
  { home, name }: { home: string; name: string | undefined },
): Promise<Pick<ServerChoice, 'username' | 'password' | 'tls' | 'owner'>> {
  const names = name === undefined ? clusterNames(home) : [name];
  const owner = names.find((one) => existsSync(nodeFolder(clusterFolder(home, one), port)));
  if (owner === undefined) return {};
  const { findCluster, isSameHost } = await import('../topology/target.ts');
  const { spec, access, folder } = findCluster({ home, name: owner });
  return isSameHost(host, spec.host) ? { ...defined(access), owner: { name: owner, folder } } : {};
}

function ownAccess(flags: ServerFlags): Pick<ServerChoice, 'username' | 'password' | 'tls'> {
  return {
    ...(flags.user === undefined ? {} : { username: flags.user }),
    ...(flags.password === undefined ? {} : { password: flags.password }),
    ...(flags.tls ? { tls: readTls(flags) } : {}),
  };
}

function readTls(flags: ServerFlags): RawTls {
  return {
    ca: readPem(flags.cacert, '--cacert'),
    cert: readPem(flags.cert, '--cert'),
    key: readPem(flags.key, '--key'),
    sni: flags.sni,
    insecure: flags.insecure,
  };
}

export function readPem(file: string | undefined, flag: string): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as Error).message;
    throw new CliFailure(`${flag}: cannot read ${file}`, { code: 'NO_FILE', exit: EXIT.usage, why, cause: error });
  }
}

/** redis[s]://[[user]:password@]host[:port][/db] */
function fromUri(text: string, flags: ServerFlags): Omit<ServerChoice, 'cluster'> {
  const uri = URL.canParse(text) ? new URL(text) : null;
  if (uri === null || !/^rediss?:$/.test(uri.protocol)) {
    throw new CliFailure(`'${text}' is not a redis URI`, {
      code: 'BAD_ADDRESS',
      exit: EXIT.usage,
      suggestions: ['--uri redis://127.0.0.1:7000', '--uri rediss://user:password@host:7000/0'],
    });
  }
  const db = uri.pathname.slice(1);
  return {
    ...ownAccess({ ...flags, tls: flags.tls || uri.protocol === 'rediss:' }),
    host: uri.hostname.replace(/^\[|\]$/g, '') || HOST,
    port: Number(uri.port) || PORT,
    ...(uri.username === '' ? {} : { username: decodeURIComponent(uri.username) }),
    ...(uri.password === '' ? {} : { password: decodeURIComponent(uri.password) }),
    ...(db === '' ? {} : { db: Number(db) }),
  };
}

/** The same without what is undefined, so that spreading it hides nothing. */
function defined<Values extends object>(values: Values): { [Name in keyof Values]: NonNullable<Values[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]: NonNullable<Values[Name]>;
  };
}
