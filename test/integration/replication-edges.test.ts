import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { caughtUp, follow, infoOf, linkIsUp, started, until } from '../support/embedded.ts';
import { Line } from '../support/line.ts';

test('the link to the primary is a client, and is made again after CLIENT KILL', async () => {
  const [primary, replica] = await Promise.all([started(), started()]);
  expect(await replica.call('CLIENT', 'LIST', 'TYPE', 'master')).toBe('');
  await follow(replica, primary.port);
  await primary.call('SELECT', '3');
  await primary.call('SET', 'a', '1');
  await caughtUp(primary, replica);
  const line = String(await replica.call('CLIENT', 'LIST', 'TYPE', 'master'));
  expect(line).toMatch(new RegExp(`^id=\\d+ addr=127.0.0.1:${primary.port} laddr=127.0.0.1:\\d+ .* flags=M db=3 `));
  expect(line.trimEnd().split('\n')).toHaveLength(1);
  expect(line).toContain(' cmd=set ');
  expect(await replica.call('CLIENT', 'KILL', 'TYPE', 'master')).toBe(1);
  // Where the stream was is kept: no SELECT is said again.
  await primary.call('SET', 'b', '2');
  await until(async () => (await infoOf(primary, 'sync_partial_ok'))[0] === '1');
  await caughtUp(primary, replica);
  await replica.call('SELECT', '3');
  expect(await replica.call('MGET', 'a', 'b')).toEqual(['1', '2']);
  expect(await replica.call('CLIENT', 'KILL', `127.0.0.1:${primary.port}`)).toBe('OK');
  await until(async () => (await infoOf(primary, 'sync_partial_ok'))[0] === '2');
  await linkIsUp(replica);
  await replica.call('REPLICAOF', 'NO', 'ONE');
  expect(await replica.call('CLIENT', 'LIST', 'TYPE', 'master')).toBe('');
});

test('what a replica acknowledges behind a full copy is said again until the stream begins', async () => {
  const replica = await started();
  const mark = 'm'.repeat(40);
  let acknowledged = 0;
  const { port } = await listening((socket) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      acknowledged += text.split('ACK').length - 1;
      if (text.includes('PING')) socket.write('+PONG\r\n');
      if (text.includes('listening-port')) socket.write('+OK\r\n+OK\r\n');
      if (!text.includes('PSYNC')) return;
      // The empty data set, and then nothing: as from a primary that has not noticed yet that all of it has left.
      const rdb = Buffer.concat([Buffer.from('REDIS0010'), Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0])]);
      socket.write(Buffer.concat([Buffer.from(`+FULLRESYNC ${'a'.repeat(40)} 7\r\n$EOF:${mark}\r\n`), rdb]));
      socket.write(mark);
    });
  });
  const begun_ms = performance.now();
  await replica.call('REPLICAOF', '127.0.0.1', String(port));
  await until(() => acknowledged >= 6);
  // One a second would take longer.
  expect(performance.now() - begun_ms).toBeLessThan(4000);
});

test('min-replicas-max-lag counts from the moment in which it is set', async () => {
  const [primary, replica] = await Promise.all([
    started({ 'min-replicas-to-write': 1, 'min-replicas-max-lag': 1000 }),
    started(),
  ]);
  const line = await Line.to(primary.port);
  await follow(replica, line.port);
  await until(async () => (await infoOf(primary, 'min_slaves_good_slaves'))[0] === '1');
  // The replica goes on to hear, and is not heard any more.
  line.mute();
  await until(async () => /lag=[2-9]/.test((await infoOf(primary, 'slave0'))[0]!));
  expect(await primary.call('SET', 'k', '1')).toBe('OK');
  await primary.call('CONFIG', 'SET', 'min-replicas-max-lag', '1');
  await expect(primary.call('SET', 'k', '2')).rejects.toThrow('NOREPLICAS');
});

test('a replica whose output buffer grows beyond its limit is dropped, and comes back with all of the data', async () => {
  const primary = await started({ 'client-output-buffer-limit': 'replica 200000 0 0' });
  const replica = await started();
  const line = await Line.to(primary.port);
  await follow(replica, line.port);
  line.pause();
  const value = 'x'.repeat(100_000);
  for (let i = 0; (await infoOf(primary, 'connected_slaves'))[0] === '1' && i < 1000; i++) {
    await primary.call('SET', `k:${i}`, value);
  }
  expect(await infoOf(primary, 'client_output_buffer_limit_disconnections')).toEqual(['1']);
  line.cut();
  await caughtUp(primary, replica);
  expect(await replica.call('DBSIZE')).toBe(await primary.call('DBSIZE'));
});

async function listening(accept: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port };
}
