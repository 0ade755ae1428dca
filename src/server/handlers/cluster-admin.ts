/*
 * CLUSTER, the commands that change something: arguments are read here, everything else is judged by the cluster machine
 * (gossip/operator.ts), which answers a status or an error text.
 */

import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { SLOTS } from '../../base/slot.ts';
import type { Call } from '../command/call.ts';
import { CLUSTER_DISABLED, misusedSubcommand, quoted, ReplyError, SYNTAX } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import type { Command } from '../gossip/event.ts';

const ADMIN = {
  flags: ['admin', 'stale', 'no_async_loading'],
  acl: ['admin', 'dangerous'],
  keys: [],
  group: 'cluster',
} as const;

export const adminSpecs: readonly Spec[] = [
  {
    ...ADMIN,
    name: 'meet',
    arity: -4,
    since: '3.0.0',
    usage: '<ip> <port> [<bus-port>]',
    summary: 'Connect nodes into a working cluster.',
    complexity: 'O(1)',
    run: meet,
  },
  {
    ...ADMIN,
    name: 'addslots',
    arity: -3,
    since: '3.0.0',
    usage: '<slot> [<slot> ...]',
    summary: 'Assign slots to current node.',
    complexity: 'O(N) where N is the total number of hash slot arguments',
    run: (call) => run(call, { type: 'addSlots', slots: slotsFrom(call) }),
  },
  {
    ...ADMIN,
    name: 'addslotsrange',
    arity: -4,
    since: '7.0.0',
    usage: '<start slot> <end slot> [<start slot> <end slot> ...]',
    summary: 'Assign slots which are between <start-slot> and <end-slot> to current node.',
    complexity: 'O(N) where N is the total number of the slots between the start slot and end slot arguments.',
    run: (call) => run(call, { type: 'addSlots', slots: rangesFrom(call, 'addslotsrange') }),
  },
  {
    ...ADMIN,
    name: 'delslots',
    arity: -3,
    since: '3.0.0',
    usage: '<slot> [<slot> ...]',
    summary: 'Delete slots information from current node.',
    complexity: 'O(N) where N is the total number of hash slot arguments',
    run: (call) => run(call, { type: 'delSlots', slots: slotsFrom(call) }),
  },
  {
    ...ADMIN,
    name: 'delslotsrange',
    arity: -4,
    since: '7.0.0',
    usage: '<start slot> <end slot> [<start slot> <end slot> ...]',
    summary: 'Delete slots information which are between <start-slot> and <end-slot> from current node.',
    complexity: 'O(N) where N is the total number of the slots between the start slot and end slot arguments.',
    run: (call) => run(call, { type: 'delSlots', slots: rangesFrom(call, 'delslotsrange') }),
  },
  {
    ...ADMIN,
    name: 'flushslots',
    arity: 2,
    since: '3.0.0',
    summary: 'Delete current node own slots information.',
    complexity: 'O(1)',
    run: (call) => run(call, { type: 'flushSlots' }),
  },
  {
    ...ADMIN,
    name: 'setslot',
    arity: -4,
    since: '3.0.0',
    usage: '<slot> (importing <node-id>|migrating <node-id>|stable|node <node-id>)',
    summary: 'Set slot state.',
    complexity: 'O(1)',
    run: (call) => run(call, setSlotFrom(call)),
  },
  {
    ...ADMIN,
    name: 'set-config-epoch',
    arity: 3,
    since: '3.0.0',
    usage: '<epoch>',
    summary: 'Set config epoch of current node.',
    complexity: 'O(1)',
    run: setConfigEpoch,
  },
  {
    ...ADMIN,
    name: 'bumpepoch',
    arity: 2,
    since: '3.0.0',
    summary: 'Advance the cluster config epoch.',
    complexity: 'O(1)',
    run: (call) => run(call, { type: 'bumpEpoch' }),
  },
  {
    ...ADMIN,
    name: 'replicate',
    arity: 3,
    since: '3.0.0',
    usage: '<node-id>',
    summary: 'Configure current node as replica to <node-id>.',
    complexity: 'O(1)',
    run: (call) => run(call, { type: 'replicate', node: call.text(2) }),
  },
  {
    ...ADMIN,
    name: 'forget',
    arity: 3,
    since: '3.0.0',
    usage: '<node-id>',
    summary: 'Remove a node from the cluster.',
    complexity: 'O(1)',
    run: (call) => run(call, { type: 'forget', node: call.text(2) }),
  },
  {
    ...ADMIN,
    name: 'failover',
    arity: -2,
    since: '3.0.0',
    usage: '[force|takeover]',
    summary: 'Promote current replica node to being a master.',
    complexity: 'O(1)',
    run: (call) => run(call, { type: 'failover', mode: failoverMode(call) }),
  },
  {
    ...ADMIN,
    flags: ['admin', 'stale', 'noscript'],
    name: 'reset',
    arity: -2,
    since: '3.0.0',
    usage: '[hard|soft]',
    summary: 'Reset current node (default: soft).',
    complexity: 'O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.',
    run: (call) => run(call, { type: 'reset', hard: isHard(call) }),
  },
  {
    ...ADMIN,
    name: 'saveconfig',
    arity: 2,
    since: '3.0.0',
    summary: 'Force saving cluster configuration on disk.',
    complexity: 'O(1)',
    run: saveConfig,
  },
];

const INVALID_SLOT = new ReplyError('ERR Invalid or out of range slot');
const SETSLOT_USAGE = new ReplyError('ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP');

function run(call: Call, command: Command): void {
  if (call.server.cluster === null) throw CLUSTER_DISABLED;
  const result = call.server.cluster.run(command);
  if ('error' in result) throw new ReplyError(result.error);
  call.reply.simple(result.status);
}

function saveConfig({ server, reply }: Call): void {
  if (server.cluster === null) throw CLUSTER_DISABLED;
  const failure = server.cluster.saveConfig();
  if (failure !== null) throw new ReplyError(`ERR error saving the cluster node config: ${failure}`);
  reply.ok();
}

function slotFrom(call: Call, i: number): number {
  const slot = call.integer(i, INVALID_SLOT);
  if (slot < 0 || slot >= SLOTS) throw INVALID_SLOT;
  return slot;
}

function slotsFrom(call: Call): number[] {
  const slots: number[] = [];
  for (let i = 2; i < call.argc; i++) slots.push(slotFrom(call, i));
  return slots;
}

function rangesFrom(call: Call, name: string): number[] {
  if (call.argc % 2 !== 0) throw new ReplyError(`ERR wrong number of arguments for 'cluster|${name}' command`);
  const slots: number[] = [];
  for (let i = 2; i < call.argc; i += 2) {
    const start = slotFrom(call, i);
    const end = slotFrom(call, i + 1);
    if (start > end) {
      throw new ReplyError(`ERR start slot number ${start} is greater than end slot number ${end}`);
    }
    // Two ranges that overlap name a slot twice, which the machine refuses: more than all slots need not be listed.
    if (slots.length + end - start >= 2 * SLOTS) throw new ReplyError(`ERR Slot ${start} specified multiple times`);
    for (let slot = start; slot <= end; slot++) slots.push(slot);
  }
  return slots;
}

function setSlotFrom(call: Call): Command {
  const slot = slotFrom(call, 2);
  if (call.is(3, 'STABLE') && call.argc === 4) return { type: 'setSlotStable', slot };
  if (call.argc !== 5) throw SETSLOT_USAGE;
  const node = call.text(4);
  if (call.is(3, 'MIGRATING')) return { type: 'setSlotMigrating', slot, node };
  if (call.is(3, 'IMPORTING')) return { type: 'setSlotImporting', slot, node };
  if (call.is(3, 'NODE')) return { type: 'setSlotNode', slot, node };
  throw SETSLOT_USAGE;
}

function meet(call: Call): void {
  if (call.argc > 5) throw new ReplyError("ERR wrong number of arguments for 'cluster|meet' command");
  const ip = call.text(2);
  const port = portFrom(call, 3, 'base');
  const busPort = call.argc === 5 ? portFrom(call, 4, 'bus') : port + BUS_PORT_OFFSET;
  run(call, { type: 'meet', ip, port, busPort });
}

function portFrom(call: Call, i: number, kind: 'base' | 'bus'): number {
  return call.integer(i, new ReplyError(`ERR Invalid ${kind} port specified: ${quoted(call.text(i))}`));
}

function setConfigEpoch(call: Call): void {
  const epoch = call.integer(2);
  if (epoch < 0) throw new ReplyError(`ERR Invalid config epoch specified: ${epoch}`);
  run(call, { type: 'setConfigEpoch', epoch });
}

function failoverMode(call: Call): 'agreed' | 'force' | 'takeover' {
  if (call.argc === 2) return 'agreed';
  if (call.argc > 3) throw misusedSubcommand(call.text(1), 'cluster');
  if (call.is(2, 'FORCE')) return 'force';
  if (call.is(2, 'TAKEOVER')) return 'takeover';
  throw SYNTAX;
}

function isHard(call: Call): boolean {
  if (call.argc === 2) return false;
  if (call.argc > 3) throw misusedSubcommand(call.text(1), 'cluster');
  if (call.is(2, 'HARD')) return true;
  if (call.is(2, 'SOFT')) return false;
  throw SYNTAX;
}
