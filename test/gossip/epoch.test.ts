/* Which epochs are believed: those that a cluster can have reached by counting, and that can be counted on from. */
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { EPOCH_JUMP_MAX, EPOCH_MAX } from '../../src/server/gossip/epoch.ts';
import { type Message, PONG, UPDATE, VOTE, VOTE_REQUEST } from '../../src/server/gossip/message.ts';
import { formatNodesConf, loadNodesConf } from '../../src/server/gossip/nodes-conf.ts';
import { defaultConfig } from '../sim/sim-node.ts';
import { EPOCH_MS, Simulation } from '../sim/simulation.ts';
import { A, B, header, heartbeat, Lab, R, range, replies } from './support.ts';

const LAST = Number.MAX_SAFE_INTEGER;

/** Us with slots 0-99, A with a hundred more, and its replica R. */
function lab(): Lab {
  const made = new Lab();
  made.command({ type: 'addSlots', slots: Array.from({ length: 100 }, (_, slot) => slot) });
  made.know(A, { slots: range(100, 199), epoch: 2 });
  made.know(R, { slots: range(100, 199), epoch: 2, primary: A });
  return made;
}

const claimA = { slots: range(100, 199), epoch: 2 };
const warnings = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'log' && effect.level === 'warning' ? [effect.text] : []));

const update: Message = {
  type: UPDATE,
  header: header(A, claimA),
  owner: R,
  ownerEpoch: LAST,
  ownerSlots: header(A, claimA).slots,
};

test.each([
  ['a heartbeat with the last epoch there is', heartbeat('ping', header(A, { ...claimA, currentEpoch: LAST }))],
  ['a claim with it', heartbeat('ping', header(A, { ...claimA, configEpoch: LAST, currentEpoch: 2 }))],
  [
    'a request for votes in it',
    { type: VOTE_REQUEST, header: header(R, { ...claimA, primary: A, currentEpoch: LAST }) },
  ],
  ['a vote in it', { type: VOTE, header: header(A, { ...claimA, currentEpoch: LAST }) }],
  ['an UPDATE with it', update],
  ['an epoch that nothing could follow', heartbeat('ping', header(A, { ...claimA, currentEpoch: EPOCH_MAX + 1 }))],
  ['a jump that is too far', heartbeat('ping', header(A, { ...claimA, currentEpoch: 3 + EPOCH_JUMP_MAX }))],
] as [string, Message][])('%s changes nothing, and is logged', (_, message) => {
  const made = lab();
  const before = formatNodesConf(made.state);
  const effects = made.hear(message);
  expect(formatNodesConf(made.state)).toBe(before);
  expect(replies(effects)).toEqual([]);
  expect(warnings(effects)).toHaveLength(1);
  expect(warnings(effects)[0]).toMatch(
    /^Ignoring a cluster message that names node "[a7]{40}" as its sender: epoch \d+ /,
  );
  // The next of its kind is told when some time has passed, or the log would be theirs.
  expect(warnings(made.hear(message))).toEqual([]);
  made.wait(10_000);
  expect(warnings(made.hear(message))).toHaveLength(1);
});

test('a jump that a cluster can have made while we were away is believed', () => {
  const made = lab();
  const effects = made.hear(heartbeat('ping', header(A, { ...claimA, currentEpoch: 2 + EPOCH_JUMP_MAX })));
  expect(made.state.currentEpoch).toBe(2 + EPOCH_JUMP_MAX);
  expect(replies(effects).map(({ type }) => type)).toEqual([PONG]);
});

test('a node that is met with such an epoch is not let in', () => {
  const made = new Lab();
  made.command({ type: 'meet', ip: '10.0.0.9', port: 7001, busPort: 17_001 });
  const { link } = made.state.list[1]!;
  made.step({ type: 'linkUp', link });
  made.answer(link, heartbeat('pong', header(A, { ...claimA, currentEpoch: LAST })));
  expect(made.state.nodes.has(A)).toBe(false);
});

test('an operator cannot set such an epoch either', () => {
  const made = new Lab();
  const result = made.command({ type: 'setConfigEpoch', epoch: EPOCH_JUMP_MAX + 1 });
  expect(result).toEqual({ error: `ERR Invalid config epoch specified: ${EPOCH_JUMP_MAX + 1}` });
  expect(made.command({ type: 'setConfigEpoch', epoch: EPOCH_JUMP_MAX })).toEqual({ status: 'OK' });
});

describe('in nodes.conf', () => {
  const node = (epoch: number): string =>
    `${B} 1.1.1.1:7000@17000 myself,master - 0 0 ${epoch} connected\nvars currentEpoch 7 lastVoteEpoch 0\n`;
  const load = (text: string): unknown => loadNodesConf(text, { config: defaultConfig(), now_ms: EPOCH_MS });

  test('an epoch that cannot be continued, or that is far beyond that of the cluster, is damage', () => {
    expect(() => load(node(EPOCH_MAX + 1))).toThrow(/line 1: epoch \d+ leaves none to be taken after it/);
    expect(() => load(node(8 + EPOCH_JUMP_MAX))).toThrow(/line 1: epoch \d+ is further ahead of ours \(7\)/);
    expect(() => load(node(7).replace('Epoch 7', `Epoch ${LAST}`))).toThrow(/line 2: epoch \d+ leaves none/);
    expect(() => load(node(7).replace('VoteEpoch 0', `VoteEpoch ${LAST}`))).toThrow(/line 2: epoch \d+ leaves none/);
    expect(() => load(node(7 + EPOCH_JUMP_MAX))).not.toThrow();
  });
});

test('failovers go on after such a packet', () => {
  const sim = new Simulation({ seed: 5, nodes: 4 });
  const [primary, other, third, replica] = sim.nodes;
  const slots = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  sim.command(primary!, { type: 'addSlots', slots: slots(0, 5000) });
  sim.command(other!, { type: 'addSlots', slots: slots(5000, 10_000) });
  sim.command(third!, { type: 'addSlots', slots: slots(10_000, 16_384) });
  for (const node of sim.nodes.slice(1))
    sim.command(node, { type: 'meet', ip: primary!.ip, port: 7000, busPort: 17_000 });
  sim.advance(2000);
  sim.command(replica!, { type: 'replicate', node: primary!.firstId });
  sim.writing = true;
  sim.advance(3000);
  const forged = header(third!.firstId, { currentEpoch: LAST, configEpoch: LAST });
  for (const node of sim.nodes) sim.hear(node, heartbeat('ping', forged));
  sim.advance(1000);
  sim.crash(primary!, { power: false });
  sim.advance(10_000);
  expect(replica!.state!.myself.slots.count()).toBe(5000);
  expect(other!.state!.currentEpoch).toBeLessThan(100);
});
