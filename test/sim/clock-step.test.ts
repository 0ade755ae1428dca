/* The machines' clocks are set: time that passes is measured by another clock, so nothing but dates changes. */
import { expect, test } from 'vitest';
import { nodesText } from '../../src/server/gossip/report.ts';
import { isFailed } from '../../src/server/gossip/state.ts';
import { whyNoAgreement } from './checkers.ts';
import { defaultConfig, type SimNode } from './sim-node.ts';
import { EPOCH_MS, Simulation } from './simulation.ts';

const HOUR_MS = 3_600_000;
const { nodeTimeout_ms } = defaultConfig();

/** Three primaries, the first with a replica. */
function formed(): { sim: Simulation; primary: SimNode; replica: SimNode; other: SimNode } {
  const sim = new Simulation({ seed: 3, nodes: 4 });
  const [primary, other, third, replica] = sim.nodes as [SimNode, SimNode, SimNode, SimNode];
  [primary, other, third].forEach((node, i, all) => {
    const start = Math.floor((i * 16_384) / all.length);
    const end = Math.floor(((i + 1) * 16_384) / all.length);
    sim.command(node, { type: 'addSlots', slots: Array.from({ length: end - start }, (_, at) => start + at) });
    if (i > 0) sim.command(node, { type: 'meet', ip: primary.ip, port: 7000, busPort: 17_000 });
  });
  sim.command(replica, { type: 'meet', ip: primary.ip, port: 7000, busPort: 17_000 });
  sim.advance(2000);
  sim.command(replica, { type: 'replicate', node: primary.firstId });
  sim.writing = true;
  sim.advance(3000);
  return { sim, primary, replica, other };
}

test.each([
  ['back', -HOUR_MS],
  ['forward', HOUR_MS],
])('a primary that dies after all clocks went %s by an hour is replaced in the usual time', (_, step_ms) => {
  const { sim, primary, replica } = formed();
  sim.wallAhead_ms = step_ms;
  sim.crash(primary, { power: true });
  sim.advance(nodeTimeout_ms * 2 + 3000);
  expect(replica.state!.myself.slots.count()).toBeGreaterThan(5000);
});

test('a primary that freezes after the clocks went back is agreed to have failed', () => {
  const { sim, primary, other } = formed();
  sim.wallAhead_ms = -HOUR_MS;
  sim.advance(1000);
  sim.partition((node) => (node === primary ? 1 : 0));
  sim.advance(nodeTimeout_ms * 2);
  expect(isFailed(other.state!.nodes.get(primary.firstId)!)).toBe(true);
});

test('nobody is suspected because one clock differs from the others, and all agree afterwards', () => {
  const { sim } = formed();
  for (const step_ms of [-HOUR_MS, HOUR_MS, 0]) {
    sim.wallAhead_ms = step_ms;
    sim.advance(nodeTimeout_ms * 3);
    expect(whyNoAgreement(sim)).toBeNull();
  }
});

test('dates are told as the clock is set now', () => {
  const { sim, other } = formed();
  sim.wallAhead_ms = -HOUR_MS;
  sim.advance(500);
  const dates = nodesText(other.state!, { tls: false })
    .split('\n')
    .flatMap((line) => (line === '' || line.includes('myself') ? [] : [Number(line.split(' ')[5])]));
  expect(dates).toHaveLength(3);
  for (const date of dates) expect(sim.now_ms - HOUR_MS - date).toSatisfy((age: number) => age >= 0 && age < 5000);
  expect(sim.now_ms).toBeGreaterThan(EPOCH_MS);
});
