/* What moving a slot costs beside the slot: writes that are forced to the disk, and messages. */
import { expect, test } from 'vitest';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { endTurn, runCommand } from '../../src/server/gossip/step.ts';
import { A, B, header, heartbeat, Lab, ME, range, sends } from './support.ts';

function lab(): Lab {
  const made = new Lab();
  made.command({ type: 'addSlots', slots: Array.from({ length: 100 }, (_, slot) => slot) });
  made.know(A, { slots: range(100, 399), epoch: 2 });
  made.know(B, { slots: range(500, 599), epoch: 3 });
  made.wait(1000);
  made.world.effects.length = 0;
  return made;
}

const synced = (effects: readonly Effect[]): number =>
  effects.filter((effect) => effect.type === 'persist' && effect.fsync).length;

test('only the first of many imported slots is forced to the disk, with the new epoch; the next tick has the others synced meanwhile', () => {
  const made = lab();
  const effects: Effect[] = [];
  for (let slot = 100; slot < 400; slot++) {
    made.command({ type: 'setSlotImporting', slot, node: A });
    effects.push(...made.world.effects);
    made.command({ type: 'setSlotNode', slot, node: ME });
    effects.push(...made.world.effects);
  }
  expect(synced(effects)).toBe(1);
  const next = made.wait(100);
  expect(synced(next)).toBe(0);
  expect(next).toContainEqual({ type: 'sync' });
  expect(made.wait(100)).not.toContainEqual({ type: 'sync' });
});

test('however many slots are imported in one turn, everybody hears of it once', () => {
  const made = lab();
  for (let slot = 100; slot < 400; slot++) {
    runCommand(made.state, { type: 'setSlotImporting', slot, node: A }, made.world);
    runCommand(made.state, { type: 'setSlotNode', slot, node: ME }, made.world);
  }
  endTurn(made.state, made.world);
  expect(sends(made.world.effects)).toHaveLength(2);
});

test('slots that another claims are synced with the next tick, unless the epoch is new', () => {
  const made = lab();
  const claim = (end: number, epoch: number): Effect[] =>
    made.hear(heartbeat('ping', header(B, { slots: [...range(100, end), ...range(500, 599)], epoch })));
  expect(synced(claim(100, 4))).toBe(1);
  expect(synced([...claim(101, 4), ...claim(102, 4), ...claim(103, 4)])).toBe(0);
  expect(made.wait(100)).toContainEqual({ type: 'sync' });
});
