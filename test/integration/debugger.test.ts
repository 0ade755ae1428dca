import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT, rkv } from '../commands/rkv.ts';
import { temporaryFolder, until } from './processes.ts';

/*
 * Node answers SIGUSR1 by opening its debugger on a port. What is looked at here are the listening sockets of the
 * processes, as the system knows them, and the environment that they were started with.
 */

const CATCHES_SIGUSR1 = 1n << 9n;
const PORT = 23_010;
/** Its bus port lies below those that the system gives to others. */
const CLUSTER_PORT = 12_610;

test.skipIf(process.platform !== 'linux')(
  'SIGUSR1 opens no debugger: not while the server starts, while it runs, nor while it ends',
  async () => {
    const { child, output } = start(['--port', `${PORT}`]);
    await until('Node minds SIGUSR1', async () => catchesSigusr1(child));
    await until('the server is ready', async () => {
      child.kill('SIGUSR1');
      return output().includes('Ready to accept connections');
    });
    child.kill('SIGUSR1');
    await until('the port of the server is its only one', async () => {
      const ports = listeningPorts(child.pid!);
      return ports.length === 1 && ports[0] === PORT;
    });
    // What was said until now is in the pipe: two turns read it.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    const debuggers = output().split('Debugger listening').length - 1;
    child.kill('SIGTERM');
    while (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGUSR1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(output().split('Debugger listening').length - 1).toBe(debuggers);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a server that is started in the background minds SIGUSR1 in neither of its two processes',
  async () => {
    const dir = temporaryFolder();
    const pidfile = join(dir, 'pid');
    const args = ['--port', `${PORT + 1}`, '--daemonize', 'yes', '--pidfile', pidfile, '--logfile', join(dir, 'log')];
    const { child } = start(args, dir);
    await until('Node minds SIGUSR1', async () => catchesSigusr1(child));
    while (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGUSR1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    let pid = 0;
    await until('the server wrote its pid', async () => {
      pid = Number(readFileSync(pidfile, 'utf8'));
      return pid > 0;
    });
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--disable-sigusr1');
    process.kill(pid, 'SIGUSR1');
    await until('its port is open', async () => listeningPorts(pid).includes(PORT + 1));
    expect(listeningPorts(pid)).toEqual([PORT + 1]);
  },
);

test.skipIf(process.platform !== 'linux')(
  'the servers of a cluster inherit neither passwords nor the settings of Node',
  async () => {
    const home = temporaryFolder();
    const env = {
      RKV_PASSWORD: 'sesame',
      REDISCLI_AUTH: 'sesame',
      NODE_OPTIONS: '--no-deprecation',
      RKV_CLUSTER: 'it',
    };
    const run = (...argv: string[]) => rkv(argv, { home, env });
    onTestFinished(async () => void (await run('cluster', 'destroy', 'it', '--yes')));
    const made = await run(
      'cluster',
      'create',
      'it',
      '--port',
      `${CLUSTER_PORT}`,
      '--primaries',
      '1',
      '--replicas',
      '0',
    );
    expect(made.status, made.stderr).toBe(0);
    const listed = await run('node', 'list', '--json');
    const [node] = JSON.parse(listed.stdout).result.nodes;
    const names = readFileSync(`/proc/${node.pid}/environ`, 'utf8')
      .split('\0')
      .map((line) => line.split('=')[0]);
    expect(names).toContain('RKV_CLUSTER');
    for (const name of Object.keys(env).filter((one) => one !== 'RKV_CLUSTER')) expect(names).not.toContain(name);
    process.kill(node.pid, 'SIGUSR1');
    expect(listeningPorts(node.pid).toSorted()).toEqual([CLUSTER_PORT, CLUSTER_PORT + 10_000]);
  },
);

test.skipIf(process.platform !== 'linux')('the environment of rkv server is without them, too', async () => {
  const dir = temporaryFolder();
  const env = { ...process.env, RKV_PASSWORD: 'sesame', REDISCLI_AUTH: 'sesame', NODE_OPTIONS: '--no-deprecation' };
  const { child, output } = start(['--port', `${PORT + 2}`], dir, { env, program: ['run.js', 'server'] });
  await until('the server is ready', async () => output().includes('Ready to accept connections'));
  expect(readFileSync(`/proc/${child.pid}/environ`, 'utf8')).not.toMatch(/sesame|NODE_OPTIONS/);
});

function start(
  args: readonly string[],
  dir = temporaryFolder(),
  { env = process.env, program = ['rkv-server.js'] }: { env?: NodeJS.ProcessEnv; program?: readonly string[] } = {},
): { child: ChildProcess; output(): string } {
  const [file, ...words] = program;
  const argv = [join(ROOT, 'bin', file!), ...words, '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args];
  const child = spawn(process.execPath, argv, { env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, output: () => text };
}

function catchesSigusr1({ pid }: ChildProcess): boolean {
  const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${caught}`) & CATCHES_SIGUSR1) !== 0n;
}

function listeningPorts(pid: number): number[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  const ports: number[] = [];
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === '0A' && sockets.includes(`socket:[${inode}]`))
        ports.push(Number.parseInt(local!.split(':')[1]!, 16));
    }
  }
  return ports;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // Closed meanwhile.
  }
}
