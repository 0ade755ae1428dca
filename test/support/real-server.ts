/* An installed redis-server or valkey-server on a TCP port, with a folder of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RawClient } from './resp.ts';

export interface RealServer {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** A redis-server wants its bus port at port + 10000; both lie below the ports that the system gives to clients. */
const PORTS = { first: 21_400, count: 200 };
const ATTEMPTS_MAX = 20;
const READY_WITHIN_MS = 10_000;

export async function startRealServer(
  args: readonly string[] = [],
  program: 'redis-server' | 'valkey-server' = 'redis-server',
): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-real-'));
  for (let attempt = 1; ; attempt++) {
    const port = PORTS.first + ((process.pid + attempt * 37) % PORTS.count);
    const fixed = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const child = spawn(program, [...fixed, ...args], { stdio: 'ignore' });
    if (await isReady(child, port)) {
      return {
        port,
        folder,
        async stop() {
          await killed(child);
          rmSync(folder, { recursive: true, force: true });
        },
      };
    }
    await killed(child);
    if (attempt === ATTEMPTS_MAX) throw new Error(`${program} ${args.join(' ')} does not start`);
  }
}

/** False when it ended instead: its port was taken. */
async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const until_ms = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && performance.now() < until_ms) {
    const client = await RawClient.connect(port).catch(() => null);
    if (client === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    // Somebody else may sit on the port.
    const info = await client.call('INFO', 'server');
    client.close();
    return info.startsWith('-NOAUTH') || info.includes(`process_id:${child.pid}\r\n`);
  }
  return false;
}

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
