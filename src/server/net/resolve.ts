/* Names among the addresses to listen on: looked up before any port is touched, because a name server may take its time. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { ListenHost } from '../../config/addresses.ts';
import { ListenFailure } from './listener.ts';

/** All of them together. Whoever asked for the change waits so long at most. */
export const LOOKUP_MS_MAX = 5000;

export type Lookup = (name: string) => Promise<{ address: string }>;

/** Throws a ListenFailure that names the host which has no address, or whose address nobody told in time. */
export async function resolveHosts(
  hosts: readonly ListenHost[],
  clock: Clock,
  find: Lookup = lookup,
): Promise<ListenHost[]> {
  const names = hosts.flatMap(({ host }) => (host === undefined || isIP(host) !== 0 ? [] : [host]));
  if (names.length === 0) return [...hosts];
  const waiting = new Set(names);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(() => reject(new ListenFailure([...waiting].join(', '), 'ETIMEDOUT')), LOOKUP_MS_MAX);
  const addressOf = async (name: string): Promise<string> => {
    try {
      return (await find(name)).address;
    } catch (error) {
      throw new ListenFailure(name, (error as NodeJS.ErrnoException).code ?? 'UNKNOWN');
    } finally {
      waiting.delete(name);
    }
  };
  const resolved = async ({ host, optional }: ListenHost): Promise<ListenHost> =>
    host === undefined || isIP(host) !== 0
      ? { ...(host !== undefined && { host }), optional }
      : { host: await addressOf(host), optional };
  try {
    return await Promise.race([late, Promise.all(hosts.map(resolved))]);
  } finally {
    clock.clear(timer);
  }
}
