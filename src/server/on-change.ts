/*
 * What a CONFIG SET does beyond changing the value. Most directives are read when they matter and need nothing here.
 */

import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../base/byte-text.ts';
import { readDescriptors } from '../base/descriptors.ts';
import { systemReason } from '../base/system-reason.ts';
import { DirectiveRefusal } from '../config/directive.ts';
import { type Config, directiveOf, type Name, names, withoutEffect } from '../config/directives.ts';
import type { OnChange, Preparation, Prepared } from '../config/settings.ts';
import { clusterDirectives } from './cluster-host.ts';
import type { Door } from './door.ts';
import { clientsAllowed } from './max-clients.ts';
import { ListenFailure } from './net/listener.ts';
import { whyNot } from './persistence/disk.ts';
import { busTlsOptions, clientTlsOptions, TlsFailure } from './security/tls-options.ts';
import type { Server } from './state/server.ts';

const WITHOUT_EFFECT = names.filter((name) => directiveOf(name).status !== 'obeyed');

export function onChange(the: () => Server, door: Door): OnChange {
  const limits = (): void => door.readLimits();
  const announced = (): void => the().cluster?.reconfigure();
  const busTls = (): void => the().cluster?.applyTls();
  const nothing = (before: ReadonlyMap<Name, unknown>): void => tellWithoutEffect(the(), [...before.keys()]);
  return {
    ...Object.fromEntries(WITHOUT_EFFECT.map((name) => [name, nothing])),
    ...Object.fromEntries(TLS.map((name) => [name, busTls])),
    ...Object.fromEntries(clusterDirectives.map((name) => [name, announced])),
    'tls-cluster': () => {
      busTls();
      announced();
    },
    appendonly: () => turnLogOnOrOff(the()),
    'aof-disable-auto-gc': () => collectHistory(the()),
    dir(before) {
      enterFolder(the().config, before.get('dir') as string);
      the().persistence.rdbMoved();
    },
    dbfilename: () => the().persistence.rdbMoved(),
    hz: () => the().cronChanged(),
    maxclients: () => checkMaxClients(the()),
    'proto-max-bulk-len': limits,
    'client-query-buffer-limit': limits,
    'client-output-buffer-limit': limits,
    loglevel: () => {
      const server = the();
      server.log.level = server.config.loglevel;
    },
    'maxmemory-policy': (before) => {
      nothing(before);
      const { keyspace, config } = the();
      keyspace.useLfu = config['maxmemory-policy'].endsWith('-lfu');
    },
    'notify-keyspace-events': () => {
      const { keyspace, config } = the();
      keyspace.setEventClasses(config['notify-keyspace-events']);
    },
    'active-expire-effort': () => the().keyspace.setExpireEffort(the().config['active-expire-effort']),
    'repl-backlog-size': () => the().links.resizeBacklog(),
    'min-replicas-max-lag': () => the().links.recountReplicas(),
  };
}

/** Where whoever looks for the effect will look as well. */
function tellWithoutEffect({ config, log }: Server, changed: readonly Name[]): void {
  for (const name of changed) {
    const notice = withoutEffect(config, name);
    if (notice !== null) log.notice(notice);
  }
}

function turnLogOnOrOff({ persistence }: Server): void {
  const refusal = persistence.appendOnlyChanged();
  // An error reply is one line.
  if (refusal !== null) throw new DirectiveRefusal(refusal.replaceAll('\n', ' '));
}

function collectHistory({ persistence }: Server): void {
  const failure = whyNot(() => persistence.log.collectHistory());
  if (failure !== null) throw new DirectiveRefusal(failure.message);
}

/** What ports and certificates depend on: whether they can be used is known when they are. */
export function preparation(the: () => Server, door: Door): Preparation {
  return { names: TRIED, prepare: (next) => tryPorts(next, the().config, door) };
}

const TLS: readonly Name[] = [
  'tls-cert-file',
  'tls-key-file',
  'tls-key-file-pass',
  'tls-client-cert-file',
  'tls-client-key-file',
  'tls-client-key-file-pass',
  'tls-ca-cert-file',
  'tls-ca-cert-dir',
  'tls-auth-clients',
  'tls-replication',
  'tls-cluster',
  'tls-protocols',
  'tls-ciphers',
  'tls-ciphersuites',
  'tls-prefer-server-ciphers',
  'tls-dh-params-file',
  'tls-session-caching',
  'tls-session-cache-timeout',
];

const TRIED: readonly Name[] = ['port', 'bind', 'tls-port', ...TLS];

async function tryPorts(next: Config, before: Config, door: Door): Promise<Prepared> {
  try {
    if (next['tls-cluster']) busTlsOptions(next);
    if (next['tls-cluster'] || next['tls-replication']) clientTlsOptions(next);
    return await door.prepare(next);
  } catch (error) {
    if (error instanceof TlsFailure) throw new DirectiveRefusal(`Unable to update TLS configuration. ${error.message}`);
    if (error instanceof ListenFailure) {
      const what =
        next.bind === before.bind ? 'Unable to listen on this port' : 'Failed to bind to specified addresses';
      throw new DirectiveRefusal(`${what}: ${error.message}`);
    }
    throw error;
  }
}

/** Kept absolute, because nothing else about the process moves. */
function enterFolder(config: Config, before: string): void {
  const folder = path.resolve(before, config.dir);
  try {
    if (!statSync(pathOf(folder)).isDirectory()) throw new DirectiveRefusal('Not a directory');
    accessSync(pathOf(folder), constants.X_OK);
  } catch (error) {
    throw error instanceof DirectiveRefusal ? error : new DirectiveRefusal(systemReason(error));
  }
  config.dir = folder;
}

function checkMaxClients({ config, clients }: Server): void {
  const { limit, open } = readDescriptors();
  const allowed = clientsAllowed({ limit, open: Math.max(0, open - clients.size) }, config);
  if (config.maxclients <= allowed) return;
  throw new DirectiveRefusal(
    `The operating system is not able to handle the specified number of clients, try with ${allowed}`,
  );
}
