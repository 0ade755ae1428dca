/* OBJECT: how a value is kept, and when it was used. */

import { profileOf } from '../../config/profiles.ts';
import type { Call } from '../command/call.ts';
import { container } from '../command/container.ts';
import { ReplyError } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import type { Ref } from '../keyspace/database.ts';
import type { Server } from '../state/server.ts';
import { encodingNameOf } from '../types/table.ts';
import type { EncodingRules } from '../types/value-type.ts';

const ASKS = {
  flags: ['readonly'],
  acl: ['keyspace'],
  keys: [{ flags: ['RO'], first: 2, last: 2, step: 1 }],
  group: 'generic',
  arity: 3,
  usage: '<key>',
  complexity: 'O(1)',
} as const;

export const specs: readonly Spec[] = [
  container({
    name: 'object',
    since: '2.2.3',
    group: 'generic',
    acl: [],
    helpAcl: ['keyspace'],
    summary: 'A container for object introspection commands.',
    subcommands: [
      {
        ...ASKS,
        name: 'encoding',
        since: '2.2.3',
        summary: 'Return the kind of internal representation used in order to store the value associated with a <key>.',
        run: (call) =>
          about(call, (ref) => call.reply.bulkText(encodingNameOf(call.db, ref, encodingRules(call.server)))),
      },
      {
        ...ASKS,
        name: 'freq',
        since: '4.0.0',
        summary: 'Return the access frequency index of the <key>.',
        run: (call) => about(call, (ref) => frequency(call, ref)),
      },
      {
        ...ASKS,
        name: 'idletime',
        since: '2.2.3',
        summary:
          'Return the idle time of the <key>, that is the approximated number of seconds elapsed since the last access.',
        run: (call) => about(call, (ref) => idletime(call, ref)),
      },
      {
        ...ASKS,
        name: 'refcount',
        since: '2.2.3',
        summary: 'Return the number of references of the value associated with the specified <key>.',
        // Values are bytes of one record here; nothing is ever shared.
        run: (call) => about(call, () => call.reply.integer(1)),
      },
    ],
  }),
];

const NEEDS_LFU = new ReplyError(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between ' +
    'policies at runtime LRU and LFU data will take some time to adjust.',
);
const NEEDS_LRU = new ReplyError(
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at ' +
    'runtime LRU and LFU data will take some time to adjust.',
);

function about(call: Call, answer: (ref: Ref) => void): void {
  const ref = call.db.examine(call.buf, call.off(2), call.len(2));
  if (ref === 0) call.reply.null();
  else answer(ref);
}

/** By the live configuration. */
export function encodingRules({ config, keyspace }: Server): EncodingRules {
  return { limits: keyspace.limits, since72: profileOf(config).since72 };
}

function frequency({ server, db, reply }: Call, ref: Ref): void {
  if (!server.keyspace.useLfu) throw NEEDS_LFU;
  reply.integer(db.frequency(ref));
}

function idletime({ server, db, reply }: Call, ref: Ref): void {
  if (server.keyspace.useLfu) throw NEEDS_LRU;
  reply.integer(db.idle_s(ref));
}
