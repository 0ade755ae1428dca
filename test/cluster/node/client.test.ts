import { createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connectNode, type NodeClient } from '../../../src/cluster/node/client.ts';

/** A node that answers what it is told to; '' for silence. */
async function node(port: number, answer: (request: string, socket: Socket) => string): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const reply = answer(data.toString(), socket);
      if (reply !== '') socket.write(reply);
    });
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return await new Promise((resolve) => server.listen({ host: '127.0.0.1', port }, () => resolve(server)));
}

function connect(port: number, access = {}, timeout_ms = 2000): NodeClient {
  const client = connectNode({ host: '127.0.0.1', port }, access, timeout_ms);
  onTestFinished(() => client.close());
  return client;
}

const PORT = 22_390;

test('replies of every kind come as they are', async () => {
  const replies = ['+OK\r\n', ':7\r\n', '$-1\r\n', '$3\r\na\0b\r\n', '*2\r\n$1\r\na\r\n*0\r\n'];
  await node(PORT, () => replies.shift()!);
  const client = connect(PORT);
  expect(await client.call('A')).toBe('OK');
  expect(await client.call('A')).toBe(7);
  expect(await client.call('A')).toBeNull();
  expect(await client.bytes('A')).toEqual(Buffer.from('a\0b'));
  expect(await client.call('A')).toEqual(['a', []]);
});

test('an error reply names the node and the question, but no values', async () => {
  await node(PORT, () => '-ERR no\r\n');
  const failure = await connect(PORT)
    .call('CONFIG', 'SET', 'requirepass', 'secret')
    .catch((error) => error);
  expect(failure).toMatchObject({
    code: 'NODE_REPLY',
    message: `node 127.0.0.1:${PORT} refused CONFIG SET`,
    why: 'ERR no',
  });
  expect(JSON.stringify(failure)).not.toContain('secret');
});

test('nobody there is told at once, in the words of the system', async () => {
  await expect(connect(PORT).call('PING')).rejects.toMatchObject({
    code: 'NODE_UNREACHABLE',
    exit: 5,
    why: 'connection refused: no server listens there',
  });
});

test('silence has a deadline, and a late reply is not taken for the next one', async () => {
  let isLate = true;
  await node(PORT, (request, socket) => {
    if (!isLate) return request.includes('TWO') ? '+two\r\n' : '';
    isLate = false;
    setTimeout(() => socket.write('+one\r\n'), 600);
    return '';
  });
  const client = connect(PORT, {}, 500);
  await expect(client.call('ONE')).rejects.toMatchObject({ code: 'NODE_SILENT', exit: 4 });
  expect(await client.call('TWO')).toBe('two');
});

test('many questions that nobody answers end one connection, once', async () => {
  await node(PORT, () => '');
  const warnings: Error[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const client = connect(PORT, {}, 100);
  const answers = await Promise.allSettled(Array.from({ length: 30 }, () => client.call('PING')));
  expect(answers.every(({ status }) => status === 'rejected')).toBe(true);
  // Warnings come a turn later.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

test('a connection that was cut is opened again by the next question', async () => {
  await node(PORT, (request, socket) => {
    if (request.includes('DIE')) socket.destroy();
    return '+ok\r\n';
  });
  const client = connect(PORT);
  expect(await client.call('LIVE')).toBe('ok');
  await expect(client.call('DIE')).rejects.toMatchObject({ code: 'NODE_CLOSED' });
  expect(await client.call('LIVE')).toBe('ok');
});

test('the password goes first; a wrong one is told as such', async () => {
  const seen: string[] = [];
  await node(PORT, (request) => {
    seen.push(request);
    return request.includes('AUTH') && !request.includes('right') ? '-WRONGPASS no\r\n' : '+OK\r\n';
  });
  expect(await connect(PORT, { username: 'me', password: 'right' }).call('PING')).toBe('OK');
  expect(seen[0]).toContain('$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\nright');
  await expect(connect(PORT, { password: 'wrong' }).call('PING')).rejects.toMatchObject({
    code: 'NODE_DENIED',
    exit: 5,
  });
});

test('a node that has no password lets us in with one', async () => {
  await node(PORT, (request) =>
    request.includes('AUTH')
      ? '-ERR AUTH <password> called without any password configured for the default user.\r\n'
      : '+PONG\r\n',
  );
  expect(await connect(PORT, { password: 'x' }).call('PING')).toBe('PONG');
});

test('a plain node is not taken for one with TLS', async () => {
  await node(PORT, () => '-ERR what\r\n');
  await expect(connect(PORT, { tls: { ca: '', cert: '', key: '' } }).call('PING')).rejects.toMatchObject({ exit: 5 });
});
