import { expect, test } from 'vitest';
import { infoOf, started } from '../support/embedded.ts';
import { RawClient } from '../support/resp.ts';

test('a reply beyond the hard limit closes its client, though its socket would have taken it', async () => {
  const server = await started({ 'client-output-buffer-limit': 'normal 100000 0 0' });
  await server.call('SET', 'big', 'x'.repeat(99_000));
  const client = await RawClient.connect(server.port);
  expect(await client.call('STRLEN', 'big')).toBe(':99000\r\n');
  expect(await client.call('GET', 'big')).toHaveLength(99_010);
  client.send(
    '*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n',
  );
  expect(await client.takeUntilClosed()).toBe('<closed>');
  // What it asked for was done.
  expect(await server.call('GET', 'n')).toBe('1');
  expect(await infoOf(server, 'client_output_buffer_limit_disconnections')).toEqual(['1']);
});
