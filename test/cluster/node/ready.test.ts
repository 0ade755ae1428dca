import { expect, test } from 'vitest';
import { parseClusterNodes, type SeenNode } from '../../../src/cluster/node/cluster-nodes.ts';
import { type ExpectedMember, whyNotJoined, whyNotReady } from '../../../src/cluster/node/ready.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

const members: ExpectedMember[] = [
  { id: A, name: 'h:7000', busPort: 17000, primaryId: null, slots: '0-16383' },
  { id: B, name: 'h:7001', busPort: 17001, primaryId: A, slots: '' },
];

const primary = (rest = '0-16383', flags = 'master'): string =>
  `${A} h:7000@17000 ${flags} - 0 0 1 connected ${rest}\n`;
const replica = (flags = 'slave', link = 'connected', of = A): string =>
  `${B} h:7001@17001 ${flags} ${of} 0 0 1 ${link}\n`;
const ofA = (other: string): SeenNode[] => parseClusterNodes(primary('0-16383', 'myself,master') + other);
const ofB = (other: string): SeenNode[] => parseClusterNodes(other + replica('myself,slave'));

test('a cluster is ready when all see each other, agree, and call it ok', () => {
  expect(whyNotReady(members, [ofA(replica()), ofB(primary())], ['ok', 'ok'])).toBeNull();
});

test.each([
  ['', primary(), 'waiting for h:7000 to see h:7001 (bus 17001)'],
  [replica('slave', 'disconnected'), primary(), 'waiting for h:7000 to connect to h:7001 (bus 17001)'],
  [replica('slave,fail?'), primary(), "waiting for h:7000 to clear 'fail?' of h:7001 (bus 17001)"],
  [replica('handshake'), primary(), 'waiting for h:7000 to connect to h:7001 (bus 17001)'],
  [replica('master', 'connected', '-'), primary(), 'waiting for h:7000 to learn that h:7001 is a replica'],
  [replica(), primary(''), 'waiting for h:7001 to learn the slots of h:7000'],
  [replica(), primary('0-5460'), 'waiting for h:7001 to learn the slots of h:7000'],
])('the first thing that is missing is named (%#)', (atA, atB, why) => {
  expect(whyNotReady(members, [ofA(atA), ofB(atB)], ['ok', 'ok'])).toBe(why);
});

test('a node that does not call the cluster ok is waited for', () => {
  const why = whyNotReady(members, [ofA(replica()), ofB(primary())], ['ok', 'fail']);
  expect(why).toBe('waiting for h:7001 to call the cluster ok (it says fail)');
});

test('joining looks at nothing but connections', () => {
  expect(whyNotJoined(members, [ofA(replica('master', 'connected', '-')), ofB(primary(''))])).toBeNull();
});
