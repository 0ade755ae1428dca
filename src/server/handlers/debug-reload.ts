/*
 * DEBUG RELOAD: what was saved comes back in place of what is there, at once and without anybody else being served. The
 * file is read twice, first beside the data that is served: a file that is damaged leaves everything as it was.
 */

import path from 'node:path';
import { StagedData } from '../keyspace/staged-data.ts';
import { FileReader } from '../persistence/disk.ts';
import { RdbReader, type RdbReaderOptions } from '../persistence/rdb-reader.ts';
import type { Server } from '../state/server.ts';

const CHUNK_BYTES = 256 * 1024;

export function debugReload(server: Server, { flush }: { flush: boolean }): void {
  const { keyspace } = server;
  const trial = new StagedData(keyspace, 0);
  trial.load(() => readInto(trial, server));
  if (flush) keyspace.clear();
  readInto(keyspace, server);
}

function readInto(into: RdbReaderOptions['keyspace'], { config, keyspace, log, replication }: Server): void {
  const file = new FileReader(path.join(config.dir, config.dbfilename));
  try {
    const rdb = new RdbReader({
      source: file.path,
      keyspace: into,
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
