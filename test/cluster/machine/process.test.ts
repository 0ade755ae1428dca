import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../../src/cluster/machine/engine.ts';
import { type NodeFiles, nodeFiles } from '../../../src/cluster/machine/layout.ts';
import {
  accepts,
  awaitListening,
  currentProcess,
  explainByDeath,
  findRunning,
  hasEnded,
  isAlive,
  launch,
  sendSignal,
  stopProcess,
  tailLog,
} from '../../../src/cluster/machine/process.ts';
import { startDeadline } from '../../../src/cluster/run/deadline.ts';
import { CliFailure } from '../../../src/cluster/run/failure.ts';
import { makeHome, pidsUnder } from '../servers.ts';

const PORT = 22_380;

/** Node itself as the server: it runs the "configuration file". */
const engine: Engine = { name: 'node', title: 'node', file: process.execPath, args: [] };

function program(text: string): NodeFiles {
  const folder = makeHome();
  const files = { ...nodeFiles(folder), config: join(folder, 'node.cjs') };
  mkdirSync(files.data);
  writeFileSync(files.config, text);
  return files;
}

const address = { host: '127.0.0.1', port: PORT };
const waiting = (timeout_ms = 10_000): Parameters<typeof awaitListening>[1] => ({
  deadline: startDeadline(timeout_ms),
  signal: new AbortController().signal,
});

test('a server is found again by pid and start time, and ends when asked', async () => {
  const files = program(`require('net').createServer().listen(${PORT}, '127.0.0.1'); console.log('hello')`);
  const launched = await launch(engine, { files, address });
  await awaitListening(launched, waiting());
  const found = findRunning(files);
  expect(found).toEqual({ pid: launched.pid, started: launched.started });
  expect(isAlive({ ...found!, started: '1' })).toBe(false);
  expect(tailLog(files.log).lines).toEqual(['hello']);
  expect(await stopProcess(found!, 5000)).toBe(true);
  expect(findRunning(files)).toBeNull();
  expect(await accepts({ host: '127.0.0.1', port: PORT })).toBe(false);
});

test('a server that does not listen to SIGTERM is killed when its grace is over', async () => {
  const files = program(`process.on('SIGTERM', () => {}); require('net').createServer().listen(${PORT}, '127.0.0.1')`);
  const launched = await launch(engine, { files, address });
  await awaitListening(launched, waiting());
  expect(await stopProcess(launched, 50)).toBe(false);
  expect(isAlive(launched)).toBe(false);
});

test('a paused server is stopped all the same', async () => {
  const files = program(`require('net').createServer().listen(${PORT}, '127.0.0.1')`);
  const launched = await launch(engine, { files, address });
  await awaitListening(launched, waiting());
  expect(sendSignal(launched, 'SIGSTOP')).toBe(true);
  await stopProcess(launched, 50);
  expect(isAlive(launched)).toBe(false);
  expect(sendSignal(launched, 'SIGCONT')).toBe(false);
});

test('a server that dies is told with its exit code, its reason and its last lines', async () => {
  const files = program(
    `console.log('1:M 01 Jan 2026 00:00:00.000 # Could not bind'); console.log('bye'); process.exit(3)`,
  );
  const launched = await launch(engine, { files, address });
  await expect(awaitListening(launched, waiting())).rejects.toMatchObject({
    code: 'NODE_DIED',
    message: `node 127.0.0.1:${PORT} did not start`,
    why: 'Could not bind',
    evidence: [`node 127.0.0.1:${PORT} exited with code 3`],
    log: { file: files.log, lines: ['1:M 01 Jan 2026 00:00:00.000 # Could not bind', 'bye'] },
  });
});

test('the reason of a program that threw is its error, not the last line of its stack', async () => {
  const files = program(`throw new TypeError('the reason')`);
  const launched = await launch(engine, { files, address });
  await expect(awaitListening(launched, waiting())).rejects.toMatchObject({ why: 'TypeError: the reason' });
});

test('a server that finds its port taken is a conflict, whatever it says last', async () => {
  const files = program(
    `console.log('1:M 01 Jan 2026 00:00:00.000 # Warning: bind: Address already in use'); console.log('Failed'); process.exit(1)`,
  );
  const launched = await launch(engine, { files, address });
  await expect(awaitListening(launched, waiting())).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    exit: 6,
    why: 'Warning: bind: Address already in use',
  });
  // Also where another server was taken for it first.
  const unlike = new CliFailure('another answers', { code: 'PORT_IN_USE', exit: 6 });
  expect(await explainByDeath([launched], unlike)).toMatchObject({ code: 'PORT_IN_USE', exit: 6 });
});

test('what earlier runs left in the log is no reason for the end of this one', async () => {
  const files = program(`console.log('1:M 01 Jan 2026 00:00:00.000 * is starting'); process.exit(3)`);
  writeFileSync(files.log, '1:M 01 Jan 2026 00:00:00.000 # Could not bind: Address already in use\n');
  const launched = await launch(engine, { files, address });
  await expect(awaitListening(launched, waiting())).rejects.toMatchObject({
    code: 'NODE_DIED',
    why: 'is starting',
    log: { lines: ['1:M 01 Jan 2026 00:00:00.000 * is starting'] },
  });
});

test('a server that could not be found again, for its pid file cannot be written, is not left running', async () => {
  const files = program(`require('net').createServer().listen(${PORT}, '127.0.0.1')`);
  mkdirSync(files.pid);
  await expect(launch(engine, { files, address })).rejects.toMatchObject({ code: 'BROKEN_NODE', exit: 6 });
  expect(pidsUnder(files.folder)).toEqual([]);
});

test('a server that never listens is told when the time is up', async () => {
  const files = program('setInterval(() => {}, 1000)');
  const launched = await launch(engine, { files, address });
  await expect(awaitListening(launched, waiting(300))).rejects.toMatchObject({
    code: 'TIMEOUT',
    exit: 4,
    why: `the process runs (pid ${launched.pid}), but port ${PORT} accepts no connections`,
  });
});

test('a binary that may not be run is told with its node', async () => {
  const files = program('');
  const broken = join(files.folder, 'broken');
  writeFileSync(broken, 'not a program', { mode: 0o644 });
  await expect(launch({ ...engine, file: broken }, { files, address })).rejects.toMatchObject({ code: 'NODE_DIED' });
});

test('a file that is no program is told with its node, at its launch or soon after', async () => {
  const files = program('');
  const broken = join(files.folder, 'broken');
  writeFileSync(broken, 'not a program', { mode: 0o755 });
  const started = launch({ ...engine, file: broken }, { files, address });
  const listening = started.then((launched) => awaitListening(launched, waiting()));
  await expect(listening).rejects.toMatchObject({ code: 'NODE_DIED' });
});

test('what a server prints goes into its log as it comes', async () => {
  const files = program(`setInterval(() => console.log('tick'), 20)`);
  const launched = await launch(engine, { files, address });
  await expect.poll(() => tailLog(files.log).lines.length, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(launched.ended()).toBeNull();
  await stopProcess(launched, 5000);
});

test('this process is alive, and a pid of nobody is not', async () => {
  expect(isAlive(currentProcess())).toBe(true);
  expect(await hasEnded({ pid: 2 ** 22 + 1, started: '1' }, 0)).toBe(true);
});

test('a port that accepts is told from one that refuses', async () => {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: PORT + 1 }, resolve));
  expect(await accepts({ host: '127.0.0.1', port: PORT + 1 })).toBe(true);
  expect(await accepts({ host: '127.0.0.1', port: PORT + 2 })).toBe(false);
});
