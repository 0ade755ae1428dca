import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defaultConfig } from '../../../src/config/directives.ts';
import { UnnamedFile } from '../../../src/server/persistence/disk.ts';
import { SpooledRdb } from '../../../src/server/persistence/rdb-file.ts';
import type { Peer, ReplicationHost } from '../../../src/server/replication/host.ts';
import { Replicas } from '../../../src/server/replication/replicas.ts';
import { newReplication } from '../../../src/server/replication/replication.ts';
import { silentLog } from './support.ts';

/** A connection that holds what is sent until `endTurn`, and passes on at once what is written. */
function connection(): { peer: Peer; endTurn(): void; received(): string } {
  let held = '';
  let passed = '';
  const peer: Peer = {
    id: 1,
    ip: '127.0.0.1',
    send(bytes) {
      held += bytes.toString('latin1');
    },
    write(bytes, taken) {
      passed += bytes.toString('latin1');
      taken();
    },
    close: () => {},
  };
  const endTurn = (): void => {
    passed += held;
    held = '';
  };
  return { peer, endTurn, received: () => passed };
}

test('a sign of life is never a part of the snapshot that is announced in the same turn', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-replicas-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = new UnnamedFile(folder);
  file.write(Buffer.from('SNAPSHOT'));

  const { peer, endTurn, received } = connection();
  const replication = newReplication();
  let spool: Parameters<ReplicationHost['spool']>[0] | null = null;
  const host: Partial<ReplicationHost> = {
    clock: { monotonic_ms: () => 0 } as ReplicationHost['clock'],
    log: silentLog(),
    config: defaultConfig(),
    replication,
    count: () => {},
    forgetSelected: () => {},
    wake: () => {},
    spool(request) {
      spool = request;
    },
  };
  const replicas = new Replicas(host as ReplicationHost);
  replicas.ask(peer, { id: '?', offset: 0 });
  replicas.serveAsking(() => {});
  const { begun, done } = spool! as Parameters<ReplicationHost['spool']>[0];
  begun();
  endTurn();

  replicas.keepWaitingAlive();
  done(new SpooledRdb(file, 0));
  endTurn();
  expect(received()).toBe(`+FULLRESYNC ${replication.id} 0\r\n\n$8\r\nSNAPSHOT`);
});
