/* All commands: the only list of them. */

import type { Spec } from '../command/spec.ts';
import { specs as client } from './client.ts';
import { specs as cluster } from './cluster.ts';
import { specs as command } from './command.ts';
import { specs as config } from './config.ts';
import { specs as connection } from './connection.ts';
import { specs as debug } from './debug.ts';
import { specs as dump } from './dump.ts';
import { specs as expire } from './expire.ts';
import { specs as hashRead } from './hashes/read.ts';
import { specs as hashSelect } from './hashes/select.ts';
import { specs as hashWrite } from './hashes/write.ts';
import { specs as key } from './key.ts';
import { specs as keyScan } from './key-scan.ts';
import { specs as list } from './list.ts';
import { specs as memory } from './memory.ts';
import { specs as migrate } from './migrate.ts';
import { specs as object } from './object.ts';
import { specs as pubsub } from './pubsub.ts';
import { specs as replication } from './replication.ts';
import { specs as server } from './server.ts';
import { specs as set } from './set.ts';
import { specs as string } from './string.ts';
import { specs as stringNumber } from './string-number.ts';
import { specs as stringRange } from './string-range.ts';
import { specs as transaction } from './transaction.ts';

export const specs: readonly Spec[] = [
  ...connection,
  ...client,
  ...command,
  ...config,
  ...cluster,
  ...server,
  ...replication,
  ...pubsub,
  ...debug,
  ...key,
  ...keyScan,
  ...expire,
  ...object,
  ...memory,
  ...dump,
  ...migrate,
  ...transaction,
  ...string,
  ...stringNumber,
  ...stringRange,
  ...list,
  ...set,
  ...hashWrite,
  ...hashRead,
  ...hashSelect,
];
