import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../../src/index.ts';
import { RawClient, requestBytes } from '../../support/resp.ts';

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

test('replies that a slow client takes late are the same bytes, whatever others were told meanwhile', async () => {
  await using server = await startServer();
  const values = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(20_000 + i * 4000));
  for (const [i, value] of values.entries()) await server.call('SET', `k${i}`, value);
  const slow = await RawClient.connect(server.port);
  const quick = await RawClient.connect(server.port);
  onTestFinished(() => [slow, quick].forEach((client) => void client.close()));
  slow.stall();
  let expected = '';
  for (let round = 0; round < 3; round++) {
    for (const [i, value] of values.entries()) {
      slow.send(requestBytes(['GET', `k${i}`]) + requestBytes(['ECHO', `${round}-${i}`]));
      expected += bulk(value) + bulk(`${round}-${i}`);
      // Written into the buffer that the slow client's replies wait in, unless that is taken care of.
      expect(await quick.call('ECHO', `other ${i}`.repeat(50))).toBe(bulk(`other ${i}`.repeat(50)));
    }
    // Values that the slow client still has to get are changed, too.
    for (const i of values.keys()) await quick.call('SETRANGE', `k${i}`, '0', values[i] as string);
  }
  slow.resume();
  expect(await slow.take(values.length * 6)).toBe(expected);
});

test('a value that was sent and is then changed arrives as it was', async () => {
  await using server = await startServer();
  const before = 'b'.repeat(3_000_000);
  await server.call('SET', 'k', before);
  const slow = await RawClient.connect(server.port);
  onTestFinished(() => slow.close());
  slow.stall();
  slow.send(requestBytes(['GET', 'k']).repeat(3));
  await expect.poll(() => server.call('INFO', 'commandstats'), { timeout: 10_000 }).toContain('cmdstat_get:calls=3');
  await server.call('SETRANGE', 'k', 0, 'changed');
  await server.call('APPEND', 'k', 'end');
  slow.resume();
  expect(await slow.take(3)).toBe(bulk(before).repeat(3));
  expect(await slow.call('STRLEN', 'k')).toBe(':3000003\r\n');
});

test('many replies of one turn leave in one piece', async () => {
  await using server = await startServer();
  const socket = connect(server.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const sizes: number[] = [];
  socket.on('data', (chunk) => sizes.push(chunk.length));
  socket.write('PING\r\n'.repeat(500));
  await expect.poll(() => sizes.reduce((sum, size) => sum + size, 0)).toBe(500 * 7);
  expect(sizes.length).toBeLessThan(5);
});
