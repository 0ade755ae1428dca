import { expect, test } from 'vitest';
import { Meter } from '../../../src/cluster/node/meter.ts';
import { observe } from '../../../src/cluster/observe/topology.ts';
import { targetOf } from '../../../src/cluster/topology/target.ts';
import { startServer } from '../../../src/index.ts';

test('the rate is what others asked between two readings', () => {
  const meter = new Meter();
  expect(meter.rate({ at_ms: 1000, commands: 500 })).toBeNull();
  expect(meter.rate({ at_ms: 3000, commands: 2500 })).toBe(1000);
  expect(meter.rate({ at_ms: 4000, commands: 2500 })).toBe(0);
  // Started anew.
  expect(meter.rate({ at_ms: 5000, commands: 4 })).toBeNull();
  expect(meter.rate({ at_ms: 6000, commands: 14 })).toBe(10);
});

test('a cluster that only we ask has no traffic', async () => {
  await using server = await startServer({ 'cluster-enabled': true });
  const observer = observe(targetOf([{ host: '127.0.0.1', port: server.port }]), { timeout_ms: 5000, traffic: true });
  const rates = [];
  for (let i = 0; i < 4; i++) rates.push((await observer.read()).ops_per_s);
  observer.close();
  expect(rates.slice(1)).toEqual([0, 0, 0]);
});
