import { describe, expect, test } from 'vitest';
import { FAILED, SUSPECTED } from '../../src/server/gossip/flags.ts';
import { formatNodesConf, loadNodesConf } from '../../src/server/gossip/nodes-conf.ts';
import { defaultConfig } from '../sim/sim-node.ts';
import { A, B, header, heartbeat, Lab, range } from './support.ts';

const all = (start: number, end: number): number[] => Array.from({ length: end - start + 1 }, (_, i) => start + i);

/** Complete: we own 0-5460, A and B the rest. */
function complete(): Lab {
  const lab = new Lab();
  lab.command({ type: 'addSlots', slots: all(0, 5460) });
  lab.know(A, { slots: range(5461, 10922), epoch: 2 });
  lab.know(B, { slots: range(10923, 16383), epoch: 3 });
  return lab;
}

/** The same node after a start from its file. */
function restarted(before: Lab): Lab {
  const { now_ms } = before.world;
  const lab = new Lab({}, loadNodesConf(formatNodesConf(before.state), { config: defaultConfig(), now_ms }));
  lab.world.now_ms = now_ms;
  return lab;
}

function hearFrom(lab: Lab, id: string): void {
  const peer = id === A ? { slots: range(5461, 10922), epoch: 2 } : { slots: range(10923, 16383), epoch: 3 };
  lab.hear(heartbeat('ping', header(id, peer)));
}

describe('a new cluster', () => {
  test('is up as soon as the last slot has an owner', () => {
    const lab = complete();
    expect(lab.state.ok).toBe(true);
    expect(lab.state.size).toBe(3);
  });

  test('is down while a slot is missing, unless coverage is not asked for', () => {
    const lab = new Lab();
    lab.command({ type: 'addSlots', slots: all(0, 16382) });
    expect(lab.state.ok).toBe(false);
    const lax = new Lab({ requireFullCoverage: false });
    lax.command({ type: 'addSlots', slots: [1] });
    expect(lax.state.ok).toBe(true);
  });
});

describe('down', () => {
  test('at once, when a primary has failed', () => {
    const lab = complete();
    lab.node(A).flags |= FAILED;
    lab.state.evaluateWanted = true;
    expect(lab.step({ type: 'tick' })).toContainEqual({ type: 'stateChanged', ok: false });
  });

  test('at once, when a majority is suspected; up again only after a while in the majority', () => {
    const lab = complete();
    for (const id of [A, B]) lab.node(id).flags |= SUSPECTED;
    lab.state.evaluateWanted = true;
    lab.step({ type: 'tick' });
    expect(lab.state.ok).toBe(false);
    const cutOff_ms = lab.world.now_ms;
    for (const id of [A, B]) lab.node(id).flags &= ~SUSPECTED;
    while (!lab.state.ok) {
      for (const id of [A, B]) hearFrom(lab, id);
      lab.wait(100);
      for (const id of [A, B]) lab.node(id).pingSent_ms = 0;
    }
    expect(lab.world.now_ms - cutOff_ms).toBe(2000);
  });
});

describe('a primary that comes back with slots', () => {
  test('waits two seconds, even when it hears from all', () => {
    const lab = restarted(complete());
    lab.step({ type: 'tick' });
    for (const id of [A, B]) hearFrom(lab, id);
    const start_ms = lab.world.now_ms;
    while (!lab.state.ok) lab.wait(100);
    expect(lab.world.now_ms - start_ms).toBe(2000);
  });

  test('waits until it hears from a majority', () => {
    const lab = restarted(complete());
    // Nobody is suspected yet: the node timeout is far off.
    lab.state.config.nodeTimeout_ms = 15_000;
    lab.wait(4000);
    expect(lab.state.ok).toBe(false);
    hearFrom(lab, A);
    lab.wait(100);
    expect(lab.state.ok).toBe(true);
  });
});

test('a replica need not wait', () => {
  const lab = new Lab();
  lab.know(A, { slots: range(0, 16383), epoch: 2 });
  lab.command({ type: 'replicate', node: A });
  const again = restarted(lab);
  again.step({ type: 'tick' });
  expect(again.state.ok).toBe(true);
});
