import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { makeCertificates } from '../../../src/cluster/machine/certificates.ts';
import { certificateFiles } from '../../../src/cluster/machine/layout.ts';
import { ARRIVAL_MS_MAX, ARRIVALS_MAX, Arrivals } from '../../../src/server/bus/arrivals.ts';
import { started, until } from '../../support/embedded.ts';

/* Whoever connects to the bus and says nothing is neither kept for ever nor in the way of a node. */

const TOO_MANY = 20;

async function silent(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  // Without a reader its end would not be noticed.
  socket.on('error', () => {}).resume();
  return socket;
}

test('who has said nothing in time is gone, and who has spoken stays', async () => {
  const clock = new ManualClock();
  const arrivals = new Arrivals(clock);
  const accepted: Socket[] = [];
  const server: Server = createServer((socket) => {
    accepted.push(socket);
    arrivals.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  await silent(port);
  await silent(port);
  await until(() => accepted.length === 2);
  arrivals.spoke(accepted[0]!);
  clock.advance(ARRIVAL_MS_MAX - 1);
  expect(accepted.map(({ destroyed }) => destroyed)).toEqual([false, false]);
  clock.advance(1);
  expect(accepted.map(({ destroyed }) => destroyed)).toEqual([false, true]);
  await until(() => arrivals.size === 0);
});

test('of a crowd that comes in one turn no more are kept either, and the oldest go', async () => {
  const arrivals = new Arrivals(new ManualClock());
  const accepted: Socket[] = [];
  const server: Server = createServer((socket) => void accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  for (let i = 0; i < ARRIVALS_MAX + TOO_MANY; i++) await silent(port);
  await until(() => accepted.length === ARRIVALS_MAX + TOO_MANY);
  for (const socket of accepted) arrivals.add(socket);
  expect(arrivals.size).toBe(ARRIVALS_MAX);
  expect(accepted.findIndex(({ destroyed }) => !destroyed)).toBe(TOO_MANY);
  arrivals.close();
});

describe('beside more silent connections than are kept', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'rkv-arrivals-'));
  const { cert, key, ca } = certificateFiles(folder);
  beforeAll(() => makeCertificates(certificateFiles(folder), []));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const tls = { 'tls-cluster': 'yes', 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': ca };

  test.each([
    ['plain', 22_430, {}],
    ['TLS', 22_432, tls],
  ] as const)('the oldest go, and a node joins: %s', async (_, busPort, options) => {
    const nodes = await Promise.all(
      [busPort, busPort + 1].map((port) => started({ 'cluster-enabled': 'yes', 'cluster-port': port, ...options })),
    );
    const sockets: Socket[] = [];
    for (let i = 0; i < ARRIVALS_MAX + TOO_MANY; i++) sockets.push(await silent(busPort));
    await until(() => sockets.slice(0, TOO_MANY).every(({ closed }) => closed));
    await nodes[1]!.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]!.port, busPort);
    await until(async () => {
      const both = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'NODES')));
      return both.every(
        (text) => (String(text).match(/ connected/g) ?? []).length === 2 && !/handshake/.test(String(text)),
      );
    });
    expect(sockets.filter(({ closed }) => !closed).length).toBeGreaterThan(ARRIVALS_MAX - TOO_MANY);
  });
});
