/** Replication between different servers: what one may say in its stream that the other does not know. */

/** `engine` is what the primary runs on: 'redis', 'valkey', a path. */
export function warnOfForeignPrimary(replica: string, primary: string, engine: string): string {
  return (
    `${replica} runs the bundled server and is to follow ${primary}, which runs ${engine}: a command, a type or an RDB ` +
    'version that the bundled server does not have stops the replication (`rkv verify` shows it)'
  );
}
