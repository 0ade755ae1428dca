import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findHolder } from '../../../src/cluster/machine/port-holder.ts';
import { checkPorts, claimsOf, whyEphemeral, whyNotBound } from '../../../src/cluster/machine/ports.ts';

const PORT = 22_400;
const nodes = (port: number, host = '127.0.0.1'): { host: string; port: number; busPort: number }[] => [
  { host, port, busPort: port + 10_000 },
];

async function occupy(port: number): Promise<void> {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
}

test('free ports pass, and are free again afterwards', async () => {
  await checkPorts(claimsOf(nodes(PORT)));
  await checkPorts(claimsOf(nodes(PORT)));
});

test('two that look at the same ports at the same time are not in the way of each other', async () => {
  const claims = claimsOf(nodes(PORT));
  await Promise.all([checkPorts(claims), checkPorts(claims)]);
});

test('every port that is taken is named', async () => {
  await occupy(PORT);
  await occupy(PORT + 10_000);
  await expect(checkPorts(claimsOf(nodes(PORT)))).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    exit: 6,
    why: expect.stringMatching(
      `^${PORT} and ${PORT + 10_000} \\(the cluster bus of node ${PORT}, always port \\+ 10000\\) are in use by process ${process.pid}: `,
    ),
    evidence: [],
    suggestions: [`--port ${PORT + 100}`, '--port auto'],
  });
});

test('an address that this machine does not have is told as such', async () => {
  await expect(checkPorts(claimsOf(nodes(PORT, '192.0.2.7')))).rejects.toMatchObject({
    code: 'BAD_HOST',
    exit: 2,
    why: '192.0.2.7 is not an address of this machine',
  });
});

test.skipIf(process.platform !== 'linux')('whoever listens on a port is found', async () => {
  await occupy(PORT);
  expect(findHolder(PORT)).toMatchObject({ pid: process.pid });
  expect(findHolder(PORT + 1)).toBeNull();
  expect(await whyNotBound({ host: '127.0.0.1', port: PORT })).toBe('EADDRINUSE');
});

test.skipIf(process.platform !== 'linux')('a port that an outgoing connection has is told as such', async () => {
  await occupy(PORT);
  const socket = connect({ host: '127.0.0.1', port: PORT });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  const port = socket.localPort!;
  expect(findHolder(port)).toMatchObject({ pid: process.pid, use: 'connection', cluster: null });
  await expect(checkPorts([{ host: '127.0.0.1', port, node: port, use: 'clients' }])).rejects.toMatchObject({
    why: expect.stringMatching(`^${port} is in use by an outgoing connection of process ${process.pid}: `),
  });
});

test('neighbouring ports are told as ranges, each process once', async () => {
  await occupy(PORT);
  await occupy(PORT + 1);
  await occupy(PORT + 3);
  const three = [PORT, PORT + 1, PORT + 3].flatMap((port) => nodes(port));
  await expect(checkPorts(claimsOf(three))).rejects.toMatchObject({
    message: `ports ${PORT}-${PORT + 1} and ${PORT + 3} are not free`,
    why: expect.stringMatching(`^${PORT}-${PORT + 1} and ${PORT + 3} are in use by process ${process.pid}: `),
    evidence: [],
  });
});

test.skipIf(process.platform !== 'linux')('ports that the system gives to outgoing connections are warned of', () => {
  expect(whyEphemeral(claimsOf(nodes(7000)))).toBe('');
  expect(whyEphemeral(claimsOf(nodes(32_000)))).toMatch(/^port 42000 lies in the range for outgoing connections/);
  const two = [32_000, 32_001].flatMap((port) => nodes(port));
  expect(whyEphemeral(claimsOf(two))).toMatch(
    /^ports 42000-42001 lie in .*: another program may take one at any time$/,
  );
});
