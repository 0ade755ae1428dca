/* Different servers in one cluster: what one may write or say that the other does not know. */
import type { ClusterSpec } from './spec.ts';

export const PROFILE = 'compat-profile';
/** Files, copies and payloads that Redis 7.0 reads, and all that is newer. */
export const COMPATIBLE_WITH_ALL = 'redis-7.0';

/** For the configuration of a node; '' where it needs no such line. What a template or the spec says wins over it. */
export function linesForMix({ engine, engines }: ClusterSpec, nodeEngine: string): string {
  const isMixed = [engine, ...Object.values(engines)].some((one) => one !== 'bundled');
  if (nodeEngine !== 'bundled' || !isMixed) return '';
  return `# Other servers are in the cluster: all of them can read what this one writes.\n${PROFILE} ${COMPATIBLE_WITH_ALL}\n`;
}

/** `engine` is what the primary runs on: 'redis', 'valkey', a path. */
export function warnOfForeignPrimary(replica: string, primary: string, engine: string): string {
  return (
    `${replica} runs the bundled server and will replicate ${primary}, which runs ${engine}: replication stops at the first command, type or ` +
    'RDB version that the bundled server does not have (`rkv verify` shows it)'
  );
}
