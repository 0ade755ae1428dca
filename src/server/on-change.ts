/*
 * What a CONFIG SET does beyond changing the value. Most directives are read when they matter and need nothing here.
 */

import { DirectiveRefusal } from '../config/directive.ts';
import type { OnChange } from '../config/settings.ts';
import type { Door } from './door.ts';
import { serverTlsOptions, TlsFailure } from './security/tls-options.ts';
import type { Server } from './state/server.ts';

export function onChange(the: () => Server, door: Door): OnChange {
  const cluster = (): void => the().cluster?.reconfigure();
  const limits = (): void => door.readLimits();
  const ports = (): void => reopenSoon(the(), door);
  const tls = (): void => checkTls(the(), ports);
  return {
    appendonly: () => turnLogOnOrOff(the()),
    'proto-max-bulk-len': limits,
    'client-query-buffer-limit': limits,
    loglevel: () => {
      const server = the();
      server.log.level = server.config.loglevel;
    },
    'maxmemory-policy': () => {
      const { keyspace, config } = the();
      keyspace.useLfu = config['maxmemory-policy'].endsWith('-lfu');
    },
    'active-expire-effort': () => the().keyspace.setExpireEffort(the().config['active-expire-effort']),
    port: ports,
    bind: ports,
    'tls-port': tls,
    'tls-cert-file': tls,
    'tls-key-file': tls,
    'tls-ca-cert-file': tls,
    'tls-ca-cert-dir': tls,
    'tls-auth-clients': tls,
    'repl-backlog-size': () => the().links.resizeBacklog(),
    'min-replicas-max-lag': () => the().links.recountReplicas(),
    'cluster-node-timeout': cluster,
    'cluster-migration-barrier': cluster,
    'cluster-replica-validity-factor': cluster,
    'cluster-require-full-coverage': cluster,
    'cluster-allow-replica-migration': cluster,
    'cluster-replica-no-failover': cluster,
    'cluster-allow-reads-when-down': cluster,
    'cluster-announce-ip': cluster,
    'cluster-announce-hostname': cluster,
    'cluster-announce-port': cluster,
    'cluster-announce-bus-port': cluster,
    'cluster-preferred-endpoint-type': cluster,
  };
}

function turnLogOnOrOff({ persistence }: Server): void {
  const refusal = persistence.appendOnlyChanged();
  // An error reply is one line.
  if (refusal !== null) throw new DirectiveRefusal(refusal.replaceAll('\n', ' '));
}

/** The reply of this CONFIG SET still leaves by the old port; the new one opens right after. */
function reopenSoon(server: Server, door: Door): void {
  setImmediate(() => {
    door.reopen().catch((error: Error) => server.log.warning(`Failed to listen after CONFIG SET: ${error.message}`));
  });
}

function checkTls(server: Server, reopen: () => void): void {
  if (server.config['tls-port'] === 0) return reopen();
  try {
    serverTlsOptions(server.config);
  } catch (error) {
    if (error instanceof TlsFailure) throw new DirectiveRefusal(`Unable to update TLS configuration. ${error.message}`);
    throw error;
  }
  reopen();
}
