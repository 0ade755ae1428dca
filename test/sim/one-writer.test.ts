/* A primary that was away and replaced takes no write afterwards, whatever it was that kept it away. */
import { expect, test } from 'vitest';
import { OneWriterASlot } from './checkers.ts';
import { defaultConfig, type SimNode } from './sim-node.ts';
import { Simulation } from './simulation.ts';

const { nodeTimeout_ms } = defaultConfig();

/** Three primaries that take writes, the first with a replica. */
function formed(): { sim: Simulation; primary: SimNode; replica: SimNode } {
  const sim = new Simulation({ seed: 3, nodes: 4 });
  const [primary, other, third, replica] = sim.nodes as [SimNode, SimNode, SimNode, SimNode];
  [primary, other, third].forEach((node, i, all) => {
    const start = Math.floor((i * 16_384) / all.length);
    const end = Math.floor(((i + 1) * 16_384) / all.length);
    sim.command(node, { type: 'addSlots', slots: Array.from({ length: end - start }, (_, at) => start + at) });
  });
  for (const node of [other, third, replica]) {
    sim.command(node, { type: 'meet', ip: primary.ip, port: 7000, busPort: 17_000 });
  }
  sim.advance(2000);
  sim.command(replica, { type: 'replicate', node: primary.firstId });
  sim.writing = true;
  sim.advance(3000);
  return { sim, primary, replica };
}

test.each([0, 25, 50, 75])(
  'one that was started again, and later cut off, %i ms more than four timeouts',
  (more_ms) => {
    const { sim, primary, replica } = formed();
    sim.crash(primary, { power: false });
    sim.boot(primary);
    sim.advance(5000);
    expect(primary.state!.ok && primary.state!.myself.slots.count() > 0).toBe(true);
    sim.observers.push(new OneWriterASlot(sim, 0));
    sim.partition((node) => (node === primary ? 1 : 0));
    sim.advance(nodeTimeout_ms * 4 + more_ms);
    expect(replica.state!.myself.slots.count()).toBeGreaterThan(5000);
    sim.heal();
    sim.advance(5000);
    expect(primary.state!.myself.slots.count()).toBe(0);
  },
);

test.each([0, 25, 50, 75])('one whose process stood still, %i ms more than four timeouts', (more_ms) => {
  const { sim, primary, replica } = formed();
  sim.observers.push(new OneWriterASlot(sim, 0));
  sim.freeze(primary, nodeTimeout_ms * 4 + more_ms);
  sim.advance(nodeTimeout_ms * 4);
  expect(replica.state!.myself.slots.count()).toBeGreaterThan(5000);
  sim.advance(5000);
  expect(primary.state!.myself.slots.count()).toBe(0);
});
