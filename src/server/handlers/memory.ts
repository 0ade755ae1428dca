/* MEMORY: how much a key takes. */

import type { Call } from '../command/call.ts';
import { container } from '../command/container.ts';
import { SYNTAX } from '../command/errors.ts';
import { readOptions } from '../command/options.ts';
import type { Spec } from '../command/spec.ts';

export const specs: readonly Spec[] = [
  container({
    name: 'memory',
    since: '4.0.0',
    group: 'server',
    acl: [],
    summary: 'A container for memory diagnostics commands.',
    subcommands: [
      {
        name: 'usage',
        arity: -3,
        flags: ['readonly'],
        acl: [],
        keys: [{ flags: ['RO'], first: 2, last: 2, step: 1 }],
        since: '4.0.0',
        group: 'server',
        usage: '<key> [SAMPLES <count>]',
        summary: 'Return memory in bytes used by <key> and its value, and by its place in the tables.',
        complexity: 'O(1)',
        run: usage,
      },
    ],
  }),
];

/** What a value takes is known, so nothing has to be sampled. */
const OPTIONS = { SAMPLES: { values: 1, check: notNegative } };

function usage(call: Call): void {
  readOptions(OPTIONS, call, 3);
  const ref = call.db.examine(call.buf, call.off(2), call.len(2));
  if (ref === 0) call.reply.null();
  else call.reply.integer(call.db.bytesOf(ref));
}

function notNegative(call: Call, i: number): void {
  if (call.int64(i) < 0n) throw SYNTAX;
}
