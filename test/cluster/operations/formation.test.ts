import { expect, test } from 'vitest';
import type { NodeClient } from '../../../src/cluster/node/client.ts';
import { awaitJoined, type Member } from '../../../src/cluster/operations/formation.ts';
import { startDeadline } from '../../../src/cluster/run/deadline.ts';

const PORTS = [7000, 7001, 7002, 7003];
const LATE = 7002;
const LOOKS_UNTIL_JOINED = 6;

test('while one node lags behind, no other is asked', async () => {
  const asked = new Map(PORTS.map((port) => [port, 0]));
  const members = PORTS.map((port): Member => {
    const text = async (): Promise<string> => {
      asked.set(port, asked.get(port)! + 1);
      const seen = port === LATE && asked.get(port)! < LOOKS_UNTIL_JOINED ? [port] : PORTS;
      return seen.map((other) => lineOf(other, { isMyself: other === port })).join('');
    };
    const client = { address: { host: 'h', port }, name: `h:${port}`, text } as unknown as NodeClient;
    return { client, id: idOf(port), busPort: port + 10_000, slots: [], primary: null };
  });
  const { signal } = new AbortController();
  await awaitJoined(members, {
    report: { update() {}, wait() {}, warn() {} },
    deadline: startDeadline(10_000),
    signal,
  });
  // All at first, and all once more at the end: what one of them has seen may have changed meanwhile.
  expect([...asked]).toEqual(PORTS.map((port) => [port, port === LATE ? LOOKS_UNTIL_JOINED + 1 : 2]));
});

function lineOf(port: number, { isMyself }: { isMyself: boolean }): string {
  return `${idOf(port)} h:${port}@${port + 10_000} ${isMyself ? 'myself,master' : 'master'} - 0 0 1 connected\n`;
}

function idOf(port: number): string {
  return String(port).padStart(40, '0');
}
