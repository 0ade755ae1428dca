/* DEBUG RELOAD: what was saved comes back in place of what is there, at once and without anybody else being served. */

import path from 'node:path';
import { FileReader } from '../persistence/disk.ts';
import { RdbReader } from '../persistence/rdb-reader.ts';
import type { Server } from '../state/server.ts';

const CHUNK_BYTES = 256 * 1024;

export function debugReload({ config, keyspace, log, replication }: Server, { flush }: { flush: boolean }): void {
  const file = new FileReader(path.join(config.dir, config.dbfilename));
  try {
    if (flush) keyspace.clear();
    const rdb = new RdbReader({
      source: file.path,
      keyspace,
      log,
      now_ms: keyspace.now_ms,
      dropExpired: replication.role === 'primary',
      intsetMax: config['set-max-intset-entries'],
    });
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      const got = file.read(chunk);
      if (got === 0) rdb.finish();
      if (rdb.feed(chunk.subarray(0, got))) return;
    }
  } finally {
    file.close();
  }
}
