/*
 * The one rule for addresses: where servers listen (clients, the cluster bus), and where connections come from
 * (replication, the bus, MIGRATE).
 */

import { isIP, type LookupFunction } from 'node:net';

export interface ListenHost {
  /** Undefined: all addresses. */
  readonly host?: string;
  /** Written with a leading '-' in `bind`: a missing address is no error. */
  readonly optional: boolean;
}

export function listenHosts(bind: readonly string[]): ListenHost[] {
  return bind.map((text) => {
    const optional = text.startsWith('-');
    const name = optional ? text.slice(1) : text;
    if (name === '*') return { host: '0.0.0.0', optional };
    return { host: name === '::*' ? '::' : name, optional };
  });
}

/** Listens on one of them. `listen` throws, or rejects with, an error that has the system's code. */
export async function listenOptionally(
  { host, optional }: ListenHost,
  listen: (name: { host?: string }) => Promise<void>,
): Promise<void> {
  try {
    await listen(host === undefined ? {} : { host });
  } catch (error) {
    const { code } = error as { code?: string };
    const missing = code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
    if (!optional || !missing) throw error;
  }
}

/** Whether one of these hosts covers the address: by name, or as all addresses of its family. */
export function listensOn(hosts: readonly ListenHost[], ip: string): boolean {
  const all = ip.includes(':') ? '::' : '0.0.0.0';
  return hosts.some(({ host }) => host === undefined || host === ip || host === all);
}

/**
 * bind-source-addr, as an option of `connect`. What is no address, or one of the other family, cannot be the source of a
 * connection; then the system chooses one, as in Redis.
 */
export function sourceOf(sourceAddress: string, host: string): { localAddress?: string } {
  if (sourceAddress === '') return {};
  const families = [isIP(sourceAddress), isIP(host)];
  if (families[0] === 0) return {};
  return families[1] !== 0 && families[0] !== families[1] ? {} : { localAddress: sourceAddress };
}

interface Destination {
  readonly host: string;
  readonly lookup?: LookupFunction;
}

/** The host, as options of `connect`. A name ends at a zero byte, as in C: of a longer one Node would throw. */
export function destinationOf(text: string): Destination {
  const host = text.split('\0', 1)[0]!;
  // Node takes an empty host for this machine.
  return host === '' ? { host: 'no host', lookup: (_, __, found) => found(new NoHost(), '') } : { host };
}

class NoHost extends Error {
  readonly code = 'ENOTFOUND';
  override readonly message = 'the name of the host is empty';
}
