import { expect, test } from 'vitest';
import { parseClusterNodes } from '../../../src/cluster/node/cluster-nodes.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

test('a view is read with roles, flags, slots, and the slots that oneself has open', () => {
  const nodes = parseClusterNodes(
    `${A} 127.0.0.1:7000@17000 myself,master - 0 1700000000000 1 connected 0-99 200 300-399 [42->-${B}] [7-<-${C}]\n` +
      `${B} 127.0.0.1:7001@17001,b.example slave,fail? ${A} 12 34 5 disconnected\n` +
      `${C} :0@0 master,noaddr - 0 0 0 disconnected\n`,
  );
  expect(nodes[0]).toEqual({
    id: A,
    host: '127.0.0.1',
    port: 7000,
    busPort: 17000,
    hostname: null,
    flags: ['master'],
    isMyself: true,
    role: 'primary',
    primaryId: null,
    pingSent_ms: 0,
    pongReceived_ms: 1_700_000_000_000,
    epoch: 1,
    connected: true,
    slots: [
      { start: 0, end: 99 },
      { start: 200, end: 200 },
      { start: 300, end: 399 },
    ],
    open: [
      { slot: 42, direction: 'migrating', peer: B },
      { slot: 7, direction: 'importing', peer: C },
    ],
  });
  expect(nodes[1]).toMatchObject({
    hostname: 'b.example',
    role: 'replica',
    primaryId: A,
    flags: ['slave', 'fail?'],
    connected: false,
  });
  expect(nodes[2]).toMatchObject({ host: '', port: 0, flags: ['master', 'noaddr'] });
});

test('IPv6 addresses, servers without bus ports, and nodes without flags are understood', () => {
  const [six, old, none] = parseClusterNodes(
    `${A} ::1:7000@17000 master - 0 0 1 connected\n${B} 10.0.0.1:7001 master - 0 0 1 connected\n${C} h:1@2 noflags - 0 0 0 connected`,
  );
  expect(six).toMatchObject({ host: '::1', port: 7000 });
  expect(old).toMatchObject({ port: 7001, busPort: 17001 });
  expect(none).toMatchObject({ flags: [], role: 'unknown' });
});

test('a line that no node would write is refused', () => {
  expect(() => parseClusterNodes('nonsense')).toThrow("not a line of CLUSTER NODES: 'nonsense'");
});
