import { expect, test } from 'vitest';
import { parseCondition } from '../../../src/cluster/observe/conditions.ts';
import { healthy, infoOf, line } from '../topology-fixture.ts';

test.each(['ok', 'served', 'synced', 'ready', 'size=6'])('a healthy cluster is %s', (condition) => {
  expect(parseCondition(condition)(healthy())).toBeNull();
});

test('a node that is down leaves the cluster not ready, for its slots not ok', () => {
  const topology = healthy((told) => (told.port === 7001 ? { ...told, view: null } : told));
  expect(parseCondition('ready')(topology)).toBe('waiting for h:7001 to answer: its server does not run');
  expect(parseCondition('ok')(topology)).toBe('waiting for 5462 more slots to be served');
  expect(parseCondition('served')(topology)).toBe('waiting for 5462 more slots to be served');
  expect(parseCondition('size=6')(topology)).toBe('waiting for 6 nodes to answer (5 do)');
});

test('a replica that is down is a reason to be degraded and so not ok, though all slots are served', () => {
  const topology = healthy((told) => (told.port === 7004 ? { ...told, view: null } : told));
  expect(topology.state).toBe('degraded');
  expect(parseCondition('served')(topology)).toBeNull();
  expect(parseCondition('ok')(topology)).toBe('waiting for h:7004 to answer: its server does not run');
});

test('a replica that is behind is not synced, but no reason not to be ready', () => {
  const topology = healthy((told) => (told.port === 7002 ? { ...told, info: infoOf(false, 'up', 101) } : told));
  expect(parseCondition('synced')(topology)).toBe('waiting for h:7003 to catch up 1 bytes');
  expect(parseCondition('ready')(topology)).toBeNull();
});

test('a link that is down is neither', () => {
  const topology = healthy((told) => (told.port === 7003 ? { ...told, info: infoOf(true, 'down') } : told));
  expect(parseCondition('synced')(topology)).toBe('waiting for the link of h:7003 to its primary');
  expect(parseCondition('ready')(topology)).toBe('waiting for the link of h:7003 to its primary');
});

test('views that differ are waited for, with the difference as the reason', () => {
  const was = line(7000, { slots: '0-5460', epoch: 1 });
  const topology = healthy((told) =>
    told.port === 7003 ? { ...told, view: told.view!.replace(was, line(7000)) } : told,
  );
  expect(parseCondition('ready')(topology)).toBe(
    'waiting for all to agree: h:7000 says it owns 0-5460, but not every node agrees',
  );
});

test('where nobody answers, nothing is synced', () => {
  const topology = healthy((told) => ({ ...told, view: null }));
  expect(parseCondition('synced')(topology)).toBe('waiting for any node to answer, its server does not run');
});

test('an unknown condition is a usage failure', () => {
  expect(() => parseCondition('happy')).toThrow("unknown condition 'happy'");
  expect(() => parseCondition('constructor')).toThrow("unknown condition 'constructor'");
});
