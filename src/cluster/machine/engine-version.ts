/*
 * What an installed server can be expected to know, by its version: asked before any process is started, so that a
 * directive that is too new is told with its name, and not by six servers that die.
 */
import type { Engine } from './engine.ts';
import { askProgram } from './process.ts';

export interface EngineVersion {
  readonly major: number;
  readonly minor: number;
  /** 'redis-server 6.2.14' */
  readonly title: string;
}

/** The longest that a server may take to say its version. */
const ANSWER_MS = 5000;

/** First versions of Redis with a directive, for those that came since 6.0. Valkey began with all of them. */
const SINCE: Readonly<Record<string, string>> = {
  'acllog-max-len': '6.0',
  aclfile: '6.0',
  'io-threads': '6.0',
  'io-threads-do-reads': '6.0',
  'oom-score-adj': '6.0',
  'oom-score-adj-values': '6.0',
  'rdb-del-sync-files': '6.0',
  'repl-diskless-load': '6.0',
  'tls-ca-cert-file': '6.0',
  'tls-cert-file': '6.0',
  'tls-cluster': '6.0',
  'tls-key-file': '6.0',
  'tls-port': '6.0',
  'tls-replication': '6.0',
  'tracking-table-max-keys': '6.0',
  user: '6.0',
  'acl-pubsub-default': '6.2',
  'disable-thp': '6.2',
  'lazyfree-lazy-user-flush': '6.2',
  'proc-title-template': '6.2',
  'set-proc-title': '6.2',
  'tls-client-cert-file': '6.2',
  'tls-client-key-file': '6.2',
  'aof-timestamp-enabled': '7.0',
  appenddirname: '7.0',
  'bind-source-addr': '7.0',
  'busy-reply-threshold': '7.0',
  'cluster-allow-pubsubshard-when-down': '7.0',
  'cluster-allow-replica-migration': '7.0',
  'cluster-announce-hostname': '7.0',
  'cluster-link-sendbuf-limit': '7.0',
  'cluster-port': '7.0',
  'cluster-preferred-endpoint-type': '7.0',
  'enable-debug-command': '7.0',
  'enable-module-command': '7.0',
  'enable-protected-configs': '7.0',
  'latency-tracking': '7.0',
  'latency-tracking-info-percentiles': '7.0',
  'maxmemory-clients': '7.0',
  'repl-diskless-sync-max-replicas': '7.0',
  'replica-ignore-disk-write-errors': '7.0',
  'shutdown-on-sigint': '7.0',
  'shutdown-on-sigterm': '7.0',
  'shutdown-timeout': '7.0',
};

/** null for a program that does not say it as redis-server does: a script, or another kind of server. */
export function readVersion({ file, args }: Engine): EngineVersion | null {
  const match = /^(\w+) server v=((\d+)\.(\d+)\S*)/im.exec(askProgram(file, [...args, '--version'], ANSWER_MS));
  if (match === null) return null;
  const [, name, version, major, minor] = match as unknown as [string, string, string, string, string];
  return { major: Number(major), minor: Number(minor), title: `${name.toLowerCase()}-server ${version}` };
}

/** Why a server of that version does not take a directive, or null. */
export function whyTooNew(directive: string, version: EngineVersion): string | null {
  const since = SINCE[directive.toLowerCase()];
  if (since === undefined) return null;
  const [major, minor] = since.split('.').map(Number) as [number, number];
  const isThere = version.major > major || (version.major === major && version.minor >= minor);
  return isThere ? null : `'${directive}' was added in Redis ${since}, and this is ${version.title}`;
}
