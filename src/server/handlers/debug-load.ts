/*
 * DEBUG RELOAD and LOADAOF: what was saved or logged comes in place of what is there, at once and without anybody else
 * being served. An RDB is read twice, first beside the data that is served: a file that is damaged leaves everything as it
 * was. A log that is damaged ends the server, as in Redis: it can only be told by running its commands.
 */

import path from 'node:path';
import type { Call } from '../command/call.ts';
import { ReplyError } from '../command/errors.ts';
import { handOver } from '../command/hand-over.ts';
import { runWithoutReply } from '../command/run-without-reply.ts';
import { StagedData } from '../keyspace/staged-data.ts';
import { DiskFailure, FileReader } from '../persistence/disk.ts';
import { LoadPieces } from '../persistence/load-pieces.ts';
import { RdbReader, type RdbReaderOptions } from '../persistence/rdb-reader.ts';
import { RdbFailure } from '../rdb/format.ts';
import type { Server } from '../state/server.ts';

const RELOAD_OPTIONS = new ReplyError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');

const NOT_INSIDE = new ReplyError('ERR DEBUG LOADAOF is not possible inside a transaction');

export function reload(call: Call): void {
  const { server } = call;
  let save = true;
  let flush = true;
  let merge = false;
  for (let i = 2; i < call.argc; i++) {
    if (call.is(i, 'NOSAVE')) save = false;
    else if (call.is(i, 'NOFLUSH')) flush = false;
    else if (call.is(i, 'MERGE')) merge = true;
    else throw RELOAD_OPTIONS;
  }
  try {
    if (save) server.persistence.save();
    loadRdb(server, { flush, merge });
  } catch (failure) {
    if (!(failure instanceof DiskFailure || failure instanceof RdbFailure)) throw failure;
    throw new ReplyError(`ERR Error trying to load the RDB dump: ${failure.message}`);
  }
  server.log.warning('DB reloaded by DEBUG RELOAD');
  answer(call);
}

export function loadAof(call: Call): void {
  const { server } = call;
  const { persistence, keyspace, replication, links } = server;
  // What its commands have done is in no log before its end.
  if (call.depth > 0) throw NOT_INSIDE;
  handOver(server);
  const reason = persistence.whyNoReload();
  if (reason !== null) throw new ReplyError(`ERR Error trying to load the AOF: ${reason}`);
  keyspace.clear();
  links.setLoading(true);
  try {
    persistence.reload({
      isReplica: replication.role === 'replica',
      run: runWithoutReply(server, call.inner),
      loadFunction: null,
    });
  } finally {
    links.setLoading(false);
    server.commandStats.resumed(call.command.index);
  }
  server.log.warning('Append Only File loaded by DEBUG LOADAOF');
  answer(call);
}

/** Whoever follows or replays us has the same data as before. */
function answer(call: Call): void {
  call.propagateNothing();
  call.changes = 0;
  call.reply.ok();
}

/** Nobody wants to read it twice. */
const SILENT: RdbReaderOptions['log'] = { notice() {}, warning() {} };

function loadRdb(server: Server, { flush, merge }: { flush: boolean; merge: boolean }): void {
  const { keyspace, config, clock } = server;
  const trial = new StagedData(keyspace, 0);
  const still = { ...config, 'key-load-delay': 0 };
  const quiet = { config, keyspace, replication: server.replication, switches: server.switches, log: SILENT };
  trial.load(() => readInto(trial, quiet, { merge, pieces: new LoadPieces({ config: still, clock }) }));
  if (flush) keyspace.clear();
  server.links.setLoading(true);
  try {
    readInto(keyspace, server, { merge, pieces: new LoadPieces(server) });
  } finally {
    server.links.setLoading(false);
  }
}

function readInto(
  into: RdbReaderOptions['keyspace'],
  {
    config,
    keyspace,
    log,
    replication,
    switches,
  }: Pick<Server, 'config' | 'keyspace' | 'replication' | 'switches'> & Pick<RdbReaderOptions, 'log'>,
  { merge, pieces }: { merge: boolean; pieces: LoadPieces },
): void {
  const file = new FileReader(path.join(config.dir, config.dbfilename));
  try {
    const rdb = new RdbReader({
      source: file.path,
      keyspace: into,
      log,
      now_ms: keyspace.now_ms,
      dropExpired: replication.role === 'primary',
      merge,
      skipsChecksum: switches.skipsChecksums,
    });
    for (;;) {
      const piece = pieces.read(file);
      if (piece.length === 0) rdb.finish();
      const done = pieces.feed(rdb, piece);
      pieces.standStill();
      if (done) return;
    }
  } finally {
    file.close();
  }
}
