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

/** In the minority for so long that no delay since its beginning can be left. */
function cutOff(lab: Lab, for_ms: number): void {
  for (const id of [A, B]) lab.node(id).flags |= SUSPECTED;
  lab.state.evaluateWanted = true;
  lab.wait(for_ms);
  expect(lab.state.ok).toBe(false);
  for (const id of [A, B]) {
    lab.node(id).flags &= ~SUSPECTED;
    lab.node(id).pingSent_ms = 0;
  }
}

describe('a primary that was cut off for long', () => {
  test.each([
    ['since it was new', (): Lab => complete()],
    [
      'and started with slots before that',
      (): Lab => {
        const lab = restarted(complete());
        for (const id of [A, B]) hearFrom(lab, id);
        lab.wait(2500);
        expect(lab.state.ok).toBe(true);
        return lab;
      },
    ],
  ])('waits from the end of that on before it takes writes, %s', (_, make) => {
    const lab = make();
    cutOff(lab, 6000);
    const back_ms = lab.world.now_ms;
    for (const id of [A, B]) hearFrom(lab, id);
    while (!lab.state.ok) {
      lab.wait(100);
      for (const id of [A, B]) hearFrom(lab, id);
      for (const id of [A, B]) lab.node(id).pingSent_ms = 0;
    }
    expect(lab.world.now_ms - back_ms).toBeGreaterThanOrEqual(1900);
  });
});

describe('a primary that did not run for longer than its node timeout', () => {
  const TIMEOUT_MS = defaultConfig().nodeTimeout_ms;

  /** Nothing happened to it meanwhile, as far as it knows. */
  function slept(lab: Lab, for_ms: number): Lab {
    for (const id of [A, B]) lab.node(id).pingSent_ms = lab.world.now_ms;
    lab.world.now_ms += for_ms;
    return lab;
  }

  test.each([
    ['tick', (lab: Lab) => lab.step({ type: 'tick' })],
    ['message', (lab: Lab) => lab.hear(heartbeat('ping', header(A, { slots: range(5461, 10922), epoch: 2 })))],
    ['command', (lab: Lab) => lab.command({ type: 'setSlotStable', slot: 1 })],
  ])('is down with the first %s, and suspects nobody', (_, happens) => {
    const lab = slept(complete(), TIMEOUT_MS + 1);
    happens(lab);
    expect(lab.state.ok).toBe(false);
    expect(lab.world.effects).toContainEqual({ type: 'stateChanged', ok: false });
    for (const id of [A, B]) expect(lab.node(id).flags & SUSPECTED).toBe(0);
  });

  test('is up again when it has heard from a majority and waited as after a partition', () => {
    const lab = slept(complete(), TIMEOUT_MS + 1);
    const woke_ms = lab.world.now_ms;
    lab.step({ type: 'tick' });
    while (!lab.state.ok) {
      lab.wait(100);
      hearFrom(lab, A);
    }
    expect(lab.world.now_ms - woke_ms).toBe(TIMEOUT_MS);
  });

  test('stays down for as long as it hears from no majority', () => {
    const lab = slept(complete(), TIMEOUT_MS + 1);
    lab.step({ type: 'tick' });
    // Nobody is suspected so soon.
    lab.state.config.nodeTimeout_ms = 60_000;
    lab.wait(20_000);
    expect(lab.state.ok).toBe(false);
  });

  test('goes on when it was shorter, or when nobody can have replaced it', () => {
    const short = slept(complete(), TIMEOUT_MS);
    short.step({ type: 'tick' });
    expect(short.state.ok).toBe(true);
    const alone = new Lab();
    alone.command({ type: 'addSlots', slots: all(0, 16_383) });
    alone.world.now_ms += 60_000;
    alone.step({ type: 'tick' });
    expect(alone.state.ok).toBe(true);
  });

  test('counts half a second at least, however short the timeout: no election is won sooner', () => {
    const lab = complete();
    lab.state.config.nodeTimeout_ms = 50;
    slept(lab, 400).step({ type: 'tick' });
    expect(lab.state.ok).toBe(true);
    slept(lab, 501).step({ type: 'tick' });
    expect(lab.state.ok).toBe(false);
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
