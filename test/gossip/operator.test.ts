import { describe, expect, test } from 'vitest';
import type { Effect } from '../../src/server/gossip/effect.ts';
import type { Command } from '../../src/server/gossip/event.ts';
import { PRIMARY } from '../../src/server/gossip/flags.ts';
import { FAIL, VOTE_REQUEST } from '../../src/server/gossip/message.ts';
import { isPrimary, isReplica, ownerOf } from '../../src/server/gossip/state.ts';
import { A, B, C, gossipAbout, header, heartbeat, Lab, ME, R, range, sends } from './support.ts';

const OK = { status: 'OK' };

function withSlots(): Lab {
  const lab = new Lab();
  lab.command({ type: 'addSlots', slots: [0, 1, 2] });
  lab.know(A, { slots: range(100, 199), epoch: 2 });
  lab.know(R, { primary: A });
  return lab;
}

/** A copy of what must not change when a command is refused. */
function books({ state }: Lab): string {
  const nodes = state.list.map((node) => [node.id, node.flags, node.configEpoch, [...node.slots], node.primary?.id]);
  return JSON.stringify([nodes, state.currentEpoch, [...state.migratingTo.keys()], [...state.importingFrom.keys()]]);
}

describe('refusals, in the words of Redis', () => {
  const unknown = 'x'.repeat(40);
  const cases: [Command, string][] = [
    [{ type: 'meet', ip: 'nothost', port: 1, busPort: 10001 }, 'ERR Invalid node address specified: nothost:1'],
    [{ type: 'meet', ip: '10.0.0.1', port: 0, busPort: 1 }, 'ERR Invalid node address specified: 10.0.0.1:0'],
    [{ type: 'meet', ip: '::1', port: 65000, busPort: 75000 }, 'ERR Invalid node address specified: ::1:65000'],
    [{ type: 'addSlots', slots: [5, 100] }, 'ERR Slot 100 is already busy'],
    [{ type: 'addSlots', slots: [5, 5, 100] }, 'ERR Slot 5 specified multiple times'],
    [{ type: 'delSlots', slots: [0, 300] }, 'ERR Slot 300 is already unassigned'],
    [{ type: 'delSlots', slots: [0, 0] }, 'ERR Slot 0 specified multiple times'],
    [{ type: 'setSlotMigrating', slot: 100, node: A }, "ERR I'm not the owner of hash slot 100"],
    [{ type: 'setSlotMigrating', slot: 0, node: unknown }, `ERR I don't know about node ${unknown}`],
    [{ type: 'setSlotMigrating', slot: 0, node: R }, 'ERR Target node is not a master'],
    [{ type: 'setSlotImporting', slot: 0, node: A }, "ERR I'm already the owner of hash slot 0"],
    [{ type: 'setSlotImporting', slot: 100, node: unknown }, `ERR I don't know about node ${unknown}`],
    [{ type: 'setSlotNode', slot: 0, node: unknown }, `ERR Unknown node ${unknown}`],
    [{ type: 'setSlotNode', slot: 0, node: R }, 'ERR Target node is not a master'],
    [
      { type: 'setSlotNode', slot: 1, node: A },
      "ERR Can't assign hashslot 1 to a different node while I still hold keys for this hash slot.",
    ],
    [
      { type: 'setConfigEpoch', epoch: 9 },
      'ERR The user can assign a config epoch only when the node does not know any other node.',
    ],
    [{ type: 'replicate', node: unknown }, `ERR Unknown node ${unknown}`],
    [{ type: 'replicate', node: ME }, "ERR Can't replicate myself"],
    [{ type: 'replicate', node: R }, 'ERR I can only replicate a master, not a replica.'],
    [{ type: 'replicate', node: A }, 'ERR To set a master the node must be empty and without assigned slots.'],
    [{ type: 'forget', node: unknown }, `ERR Unknown node ${unknown}`],
    [{ type: 'forget', node: ME }, "ERR I tried hard but I can't forget myself..."],
    [{ type: 'failover', mode: 'agreed' }, 'ERR You should send CLUSTER FAILOVER to a replica'],
    [{ type: 'reset', hard: false }, "ERR CLUSTER RESET can't be called with master nodes containing keys"],
    [{ type: 'flushSlots' }, 'ERR DB must be empty to perform CLUSTER FLUSHSLOTS.'],
  ];

  test.each(cases)('%o', (command, error) => {
    const lab = withSlots();
    lab.keys = 1;
    lab.keysInSlots.set(1, 1);
    const before = books(lab);
    expect(lab.command(command)).toEqual({ error });
    expect(books(lab)).toBe(before);
  });

  test('SETSLOT is for primaries', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.command({ type: 'replicate', node: A });
    const error = 'ERR Please use SETSLOT only with masters.';
    expect(lab.command({ type: 'setSlotStable', slot: 1 })).toEqual({ error });
    expect(lab.command({ type: 'setSlotNode', slot: 1, node: A })).toEqual({ error });
  });

  test('a primary of ours is not forgotten', () => {
    const lab = new Lab();
    lab.know(A);
    lab.command({ type: 'replicate', node: A });
    expect(lab.command({ type: 'forget', node: A })).toEqual({ error: "ERR Can't forget my master!" });
  });

  test('an epoch is set once, and not below zero', () => {
    const lab = new Lab();
    expect(lab.command({ type: 'setConfigEpoch', epoch: -1 })).toEqual({
      error: 'ERR Invalid config epoch specified: -1',
    });
    expect(lab.command({ type: 'setConfigEpoch', epoch: 7 })).toEqual(OK);
    expect(lab.state.currentEpoch).toBe(7);
    expect(lab.command({ type: 'setConfigEpoch', epoch: 8 })).toEqual({
      error: 'ERR Node config epoch is already non-zero',
    });
  });

  test('a failover needs a primary that is up, unless it is forced', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.command({ type: 'replicate', node: A });
    lab.step({ type: 'linkDown', link: lab.node(A).link });
    const error = 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE';
    expect(lab.command({ type: 'failover', mode: 'agreed' })).toEqual({ error });
    expect(lab.command({ type: 'failover', mode: 'force' })).toEqual(OK);
  });
});

describe('a replica without its primary’s data', () => {
  const unfit = 'has no complete copy of the data of its master';
  const ELECTION_BEGINS_WITHIN_MS = 1100;

  function replicaOf(primary: string): Lab {
    const lab = new Lab();
    lab.know(B, { slots: range(200, 299), epoch: 3 });
    lab.know(C, { slots: range(300, 399), epoch: 4 });
    lab.know(primary, { slots: range(100, 199), epoch: 2 });
    lab.command({ type: 'replicate', node: primary });
    lab.world.replication.unfit = unfit;
    return lab;
  }

  const logs = (effects: readonly Effect[]): string[] =>
    effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : []));
  const asksForVotes = (effects: readonly Effect[]): boolean =>
    effects.some((effect) => effect.type === 'send' && effect.message.type === VOTE_REQUEST);

  test('is told that it goes to another shard, but not when its own shard has a new primary', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.know(B, { slots: range(200, 299), epoch: 3 });
    const led = (): boolean[] =>
      lab.world.effects.flatMap((effect) => (effect.type === 'replicate' ? [effect.newShard] : []));
    lab.command({ type: 'replicate', node: A });
    expect(led()).toEqual([true]);
    lab.command({ type: 'replicate', node: B });
    expect(led()).toEqual([true]);
    lab.know(C);
    lab.hear(heartbeat('ping', header(C, { slots: range(200, 299), epoch: 5 })));
    expect(lab.state.myself.primary?.id).toBe(C);
    expect(led()).toEqual([false]);
  });

  test('is no candidate, and says why once', () => {
    for (const reason of [unfit, '']) {
      const lab = replicaOf(A);
      Object.assign(lab.world.replication, { unfit: reason, silence_ms: 0 });
      const failed = lab.hear({ type: FAIL, header: header(B, { slots: range(200, 299), epoch: 3 }), failed: A });
      const effects = [...failed, ...lab.wait(ELECTION_BEGINS_WITHIN_MS)];
      expect(asksForVotes(effects)).toBe(reason === '');
      const told = logs(effects).filter((text) => text.startsWith('Currently unable'));
      expect(told).toEqual(reason === '' ? [] : [`Currently unable to failover: this replica ${unfit}.`]);
    }
  });

  test('is not made a primary by a failover, forced or not', () => {
    const lab = replicaOf(A);
    const error = `ERR This replica ${unfit}. Wait until master_link_status is up (INFO replication), then try again.`;
    for (const mode of ['agreed', 'force', 'takeover'] as const) {
      expect(lab.command({ type: 'failover', mode })).toEqual({ error });
    }
    expect(lab.state.manual.end_ms).toBe(0);
  });

  test('takes over from a primary that does not answer when an operator says so', () => {
    const lab = replicaOf(A);
    lab.hear({ type: FAIL, header: header(B, { slots: range(200, 299), epoch: 3 }), failed: A });
    expect(lab.command({ type: 'failover', mode: 'force' })).toEqual({
      error: `ERR This replica ${unfit}. If its data is lost for good, CLUSTER FAILOVER TAKEOVER serves what is here.`,
    });
    expect(lab.command({ type: 'failover', mode: 'takeover' })).toEqual(OK);
    expect(logs(lab.world.effects).join()).toContain(`although this replica ${unfit}`);
    expect(isPrimary(lab.state.myself)).toBe(true);
  });
});

describe('epochs', () => {
  test('BUMPEPOCH makes our epoch the newest, and leaves it when it is', () => {
    const lab = withSlots();
    expect(lab.command({ type: 'bumpEpoch' })).toEqual({ status: 'BUMPED 3' });
    expect(lab.command({ type: 'bumpEpoch' })).toEqual({ status: 'STILL 3' });
  });

  test('an imported slot brings a new epoch, on disk before anybody hears of it', () => {
    const lab = withSlots();
    lab.command({ type: 'setSlotImporting', slot: 100, node: A });
    expect(lab.command({ type: 'setSlotNode', slot: 100, node: ME })).toEqual(OK);
    expect(lab.state.importingFrom.size).toBe(0);
    expect(lab.state.myself.configEpoch).toBe(3);
    const { effects } = lab.world;
    const persistAt = effects.findIndex((effect) => effect.type === 'persist' && effect.fsync);
    expect(persistAt).toBeGreaterThanOrEqual(0);
    expect(persistAt).toBeLessThan(effects.findIndex(({ type }) => type === 'send'));
  });
});

describe('slots', () => {
  test('a change of slots is told to everybody at once', () => {
    const lab = withSlots();
    lab.world.now_ms += 1000;
    lab.command({ type: 'addSlots', slots: [7] });
    expect(sends(lab.world.effects)).toHaveLength(2);
    expect(lab.world.effects[0]).toMatchObject({ type: 'persist' });
  });

  test('a slot given away empty closes the move, and our last one makes us a replica', () => {
    const lab = withSlots();
    for (const slot of [0, 1, 2]) {
      lab.command({ type: 'setSlotMigrating', slot, node: A });
      expect(lab.command({ type: 'setSlotNode', slot, node: A })).toEqual(OK);
    }
    expect(lab.state.migratingTo.size).toBe(0);
    expect(isReplica(lab.state.myself)).toBe(true);
    expect(lab.state.myself.primary?.id).toBe(A);
  });

  test('adding a slot ends its import', () => {
    const lab = withSlots();
    lab.command({ type: 'setSlotImporting', slot: 50, node: A });
    lab.command({ type: 'addSlots', slots: [50] });
    expect(lab.state.importingFrom.size).toBe(0);
  });
});

describe('forgetting', () => {
  test('a forgotten node is not brought back by gossip for a minute', () => {
    const lab = withSlots();
    lab.know(B);
    lab.command({ type: 'forget', node: B });
    const gossip = heartbeat('ping', header(A, { slots: range(100, 199), epoch: 2 }), [gossipAbout(B, PRIMARY)]);
    lab.world.now_ms += 59_000;
    lab.hear(gossip);
    expect(lab.state.nodes.has(B)).toBe(false);
    lab.world.now_ms += 2000;
    lab.hear(gossip);
    expect(lab.state.nodes.has(B)).toBe(true);
  });

  test('what refers to a forgotten node goes with it', () => {
    const lab = withSlots();
    lab.command({ type: 'setSlotMigrating', slot: 0, node: A });
    lab.command({ type: 'setSlotImporting', slot: 100, node: A });
    lab.command({ type: 'forget', node: A });
    expect(lab.state.migratingTo.size + lab.state.importingFrom.size).toBe(0);
    expect(ownerOf(lab.state, 100)).toBeNull();
    expect(lab.node(R).primary).toBeNull();
    expect(lab.world.effects.map(({ type }) => type)).toContain('disconnect');
  });

  test('a handshake that gets no answer is given up', () => {
    const lab = new Lab();
    lab.command({ type: 'meet', ip: '10.0.0.9', port: 1, busPort: 2 });
    lab.command({ type: 'meet', ip: '10.0.0.9', port: 1, busPort: 2 });
    expect(lab.state.list).toHaveLength(2);
    lab.wait(2100);
    expect(lab.state.list).toHaveLength(1);
  });
});

describe('CLUSTER RESET', () => {
  test('soft: alone again, under the old name and with the old epoch', () => {
    const lab = withSlots();
    expect(lab.command({ type: 'reset', hard: false })).toEqual(OK);
    expect(lab.state.list.map(({ id }) => id)).toEqual([ME]);
    expect(lab.state.assigned).toBe(0);
    expect(lab.state.currentEpoch).toBe(2);
    expect(lab.world.effects).toContainEqual({ type: 'persist', fsync: true });
  });

  test('hard: a new name and no epochs; a replica also drops its data', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.command({ type: 'replicate', node: A });
    lab.keys = 5;
    expect(lab.command({ type: 'reset', hard: true })).toEqual(OK);
    expect(lab.state.myself.id).not.toBe(ME);
    expect(lab.state.nodes.get(lab.state.myself.id)).toBe(lab.state.myself);
    expect([lab.state.currentEpoch, lab.state.myself.configEpoch]).toEqual([0, 0]);
    expect(isPrimary(lab.state.myself)).toBe(true);
    expect(lab.world.effects.map(({ type }) => type)).toEqual(expect.arrayContaining(['becomePrimary', 'flushData']));
  });
});

test('a cluster of two and then three links up without an operator telling each of each', () => {
  const lab = new Lab();
  lab.know(A);
  const effects = lab.hear(heartbeat('ping', header(A), [gossipAbout(C, PRIMARY)]));
  expect(effects.find(({ type }) => type === 'connect')).toMatchObject({ node: C, busPort: 17003 });
});
