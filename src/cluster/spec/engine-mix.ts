/** Replication between different servers: what one may say in its stream that the other does not know. */

/** `engine` is what the primary runs on: 'redis', 'valkey', a path. */
export function warnOfForeignPrimary(replica: string, primary: string, engine: string): string {
  return (
    `${replica} runs the bundled server and will replicate ${primary}, which runs ${engine}: replication stops at the first command, type or ` +
    'RDB version that the bundled server does not have (`rkv verify` shows it)'
  );
}
