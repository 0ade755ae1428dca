/*
 * A server older than Redis 7.2 joins nodes that run the bundled one: from then on these write files, copies and payloads
 * that it can read, after a restart, too.
 */
import { appendFileSync } from 'node:fs';
import { nodeFiles, nodeFolder, nodePorts } from '../machine/layout.ts';
import { valueInConf } from '../machine/node-conf.ts';
import type { NodeClient } from '../node/client.ts';
import { identify, parseInfo } from '../node/facts.ts';
import { COMPATIBLE_WITH_ALL, PROFILE } from '../spec/engine-mix.ts';
import type { ClusterSpec } from '../spec/spec.ts';

interface Nodes {
  /** Those that run the bundled server, and answer. */
  readonly bundled: readonly NodeClient[];
  /** Where a cluster of ours has its files, and what it should be. */
  readonly folder: string | null;
  readonly spec: ClusterSpec | null;
}

/** What has been changed, for a warning; null when nothing had to be. */
export async function writeForOlder(
  newcomers: readonly NodeClient[],
  { bundled, folder, spec }: Nodes,
): Promise<string | null> {
  const older = await Promise.all(newcomers.map(olderThan72));
  const first = older.find((one) => one !== null);
  if (first === undefined) return null;
  const changed: string[] = [];
  for (const client of bundled) {
    const reply = await client.call('CONFIG', 'GET', PROFILE);
    if (Array.isArray(reply) && reply[1] === COMPATIBLE_WITH_ALL) continue;
    await client.call('CONFIG', 'SET', PROFILE, COMPATIBLE_WITH_ALL);
    changed.push(client.name);
  }
  const without = newcomers.map(({ address }) => address.port);
  if (folder !== null && spec !== null) keepForRestarts(folder, spec, without);
  if (changed.length === 0) return null;
  return `${first}: ${changed.join(', ')} now write what it can read (${PROFILE} ${COMPATIBLE_WITH_ALL})`;
}

/** 'HOST:PORT is Redis 7.0.15', or null. Valkey says with which Redis it is compatible. */
async function olderThan72(client: NodeClient): Promise<string | null> {
  const info = parseInfo(await client.text('INFO', 'server'));
  const version = info.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOlder = identify(info).engine !== 'rkv' && (major < 7 || (major === 7 && minor < 2));
  return isOlder ? `${client.name} is Redis ${version}` : null;
}

/** The spec does not know yet on which engine the newcomers run. */
function keepForRestarts(folder: string, spec: ClusterSpec, newcomers: readonly number[]): void {
  for (const port of nodePorts(folder)) {
    if (newcomers.includes(port)) continue;
    const { config } = nodeFiles(nodeFolder(folder, port));
    const engine = spec.engines[String(port)] ?? spec.engine;
    if (engine !== 'bundled' || valueInConf(config, PROFILE) !== null) continue;
    appendFileSync(
      config,
      `\n# Since a server older than Redis 7.2 is in the cluster.\n${PROFILE} ${COMPATIBLE_WITH_ALL}\n`,
    );
  }
}
