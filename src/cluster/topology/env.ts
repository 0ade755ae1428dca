/*
 * What a program needs to connect, as environment variables.
 *
 *   REDIS_URL             one node, for clients that find the others themselves
 *   REDIS_CLUSTER_NODES   host:port of all nodes, primaries first
 *   REDIS_USERNAME, REDIS_PASSWORD, REDIS_TLS, REDIS_CA_FILE     where the cluster has them
 */

import { certificateFiles } from '../machine/layout.ts';
import { formatAddress } from '../node/address.ts';
import type { ClusterTarget } from './target.ts';
import type { Topology } from './view.ts';

export type EnvironmentFormat = 'shell' | 'dotenv' | 'json';

export function environmentOf(topology: Topology, target: ClusterTarget): Record<string, string> {
  const { access } = target;
  const rank = { primary: 0, replica: 1, unknown: 2 };
  const nodes = topology.nodes
    .filter((node) => node.reachable)
    .toSorted((one, other) => rank[one.role] - rank[other.role] || one.port - other.port);
  // With nobody up, the addresses are still where the cluster will be.
  const addresses = nodes.length > 0 ? nodes : target.addresses;
  const env: Record<string, string> = {};
  const [first] = addresses;
  if (first !== undefined) {
    const user = encodeURIComponent(access.username ?? '');
    const login = access.password === undefined ? '' : `${user}:${encodeURIComponent(access.password)}@`;
    env.REDIS_URL = `${access.tls === undefined ? 'redis' : 'rediss'}://${login}${formatAddress(first)}`;
  }
  env.REDIS_CLUSTER_NODES = addresses.map(formatAddress).join(',');
  if (access.username !== undefined) env.REDIS_USERNAME = access.username;
  if (access.password !== undefined) env.REDIS_PASSWORD = access.password;
  if (access.tls !== undefined) {
    env.REDIS_TLS = 'true';
    if (target.folder !== null) env.REDIS_CA_FILE = certificateFiles(target.folder).ca;
  }
  return env;
}

export function formatEnvironment(env: Readonly<Record<string, string>>, format: EnvironmentFormat): string {
  if (format === 'json') return JSON.stringify(env, null, 2);
  const entries = Object.entries(env);
  if (format === 'shell') return entries.map(([name, value]) => `export ${name}=${quoteForShell(value)}`).join('\n');
  return entries.map(([name, value]) => `${name}=${quoteForDotenv(value)}`).join('\n');
}

function quoteForShell(text: string): string {
  return /^[\w./:@,+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Readers of .env files agree on double quotes with backslashes, and take # and $ for special outside of them. */
function quoteForDotenv(text: string): string {
  return /^[\w./:@,+=-]+$/.test(text) ? text : `"${text.replaceAll(/["\\$]/g, '\\$&')}"`;
}
