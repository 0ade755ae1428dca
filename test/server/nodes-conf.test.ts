import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/server/embedded.ts';
import { injectFault, liftFault } from '../../src/server/persistence/disk-fault.ts';

let dir: string;
let file: string;
let lines: string[];
let server: EmbeddedServer | null;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-nodes-'));
  file = path.join(dir, 'nodes.conf');
  lines = [];
  server = null;
});
afterEach(async () => {
  liftFault(dir);
  await server?.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedServer> {
  server = await startServer({ dir, 'cluster-enabled': true, log: (line) => lines.push(line) });
  return server;
}

test('CLUSTER SAVECONFIG on a full disk answers why, and the node goes on; what was owed is written when there is room', async () => {
  const node = await start();
  const fault = injectFault(dir);
  fault.room = 0;
  const before = fs.readFileSync(file, 'utf8');
  await expect(node.call('CLUSTER', 'SAVECONFIG')).rejects.toThrow(
    /^ERR error saving the cluster node config: write .*nodes.conf: No space left on device$/,
  );
  expect(await node.call('PING')).toBe('PONG');
  expect(fs.readFileSync(file, 'utf8')).toBe(before);
  fault.room = Number.POSITIVE_INFINITY;
  fs.rmSync(file);
  await expect.poll(() => fs.existsSync(file), { timeout: 10_000 }).toBe(true);
  expect(lines.some((line) => line.endsWith('The cluster config file can be written again'))).toBe(true);
  expect(await node.call('CLUSTER', 'SAVECONFIG')).toBe('OK');
});

test('a node starts again on a full disk, and a new one does not', async () => {
  const node = await start();
  const id = await node.call('CLUSTER', 'MYID');
  await node.close();
  const fault = injectFault(dir);
  fault.room = 0;
  expect(await (await start()).call('CLUSTER', 'MYID')).toBe(id);
  await server?.close();
  fs.rmSync(file);
  await expect(start()).rejects.toThrow('No space left on device');
});

test('an empty nodes.conf is that of a new node, with a notice; one that lost its last line is refused with its name', async () => {
  fs.writeFileSync(file, '');
  const node = await start();
  expect(lines.some((line) => line.includes(`${file} is empty: this is a new node`))).toBe(true);
  await node.close();
  const whole = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, whole.slice(0, whole.indexOf('vars')));
  await expect(start()).rejects.toThrow(/corrupted cluster config file .*nodes.conf: line 2: the line 'vars/);
  fs.writeFileSync(file, whole.slice(0, -1));
  await expect(start()).rejects.toThrow(/nodes.conf: line 2: it has no end/);
});

test('what changes nothing leaves nodes.conf as it is, and the next change is written', async () => {
  const node = await start();
  await node.call('CLUSTER', 'ADDSLOTS', 1);
  const written = (): bigint => fs.statSync(file, { bigint: true }).mtimeNs;
  await expect
    .poll(async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_slots_assigned:1'))
    .toBe(true);
  await node.call('CLUSTER', 'SAVECONFIG');
  const before = written();
  for (let i = 0; i < 5; i++) expect(await node.call('CLUSTER', 'SETSLOT', 1, 'STABLE')).toBe('OK');
  expect(written()).toBe(before);
  await node.call('CLUSTER', 'ADDSLOTS', 2);
  expect(written()).not.toBe(before);
  expect(fs.readFileSync(file, 'utf8')).toMatch(/ connected 1-2\n/);
});
