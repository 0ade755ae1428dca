import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { rkv, temporaryHome } from '../commands/rkv.ts';
import { hasRedisServer, until } from './processes.ts';

/*
 * The life of a cluster whose password is no ASCII, by the command line: nodes of ours and of redis-server, replicas,
 * failover and other clients.
 */

const PASSWORD = 'é☃ "x"';
const PORT = 21_100;
const TIMEOUT_MS = 180_000;

test(
  'a password of any letters makes a cluster, lets replicas in, and survives a failover',
  async () => {
    const { home, remove } = temporaryHome();
    onTestFinished(async () => {
      await rkv(['cluster', 'destroy', '--yes'], { home });
      remove();
    });
    const run = async (...argv: string[]): Promise<string> => {
      const ran = await rkv(argv, { home });
      expect(ran.status, `${argv.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
      return ran.stdout;
    };
    const file = join(home, 'mixed.yaml');
    // One primary and two replicas of the other kind, so that each kind follows the other.
    const others = hasRedisServer ? `engines: { ${PORT + 1}: redis, ${PORT + 3}: redis, ${PORT + 5}: redis }` : '';
    writeFileSync(
      file,
      `version: 1\nport: ${PORT}\n${others}\nconfig: { cluster-node-timeout: 1500, repl-diskless-sync-delay: 0 }\n`,
    );
    await run('cluster', 'create', '--file', file, '--password', PASSWORD);
    await run('verify', '--fail-on', 'error');
    expect(await run('cli', '-c', '-p', `${PORT}`, 'SET', 'ké', 'v☃')).toBe('OK\n');
    // Neither the cluster's folder nor anything else of ours is needed to come in.
    expect((await rkv(['cli', '-p', `${PORT}`, 'PING'], { env: { RKV_PASSWORD: PASSWORD } })).stdout).toBe('PONG\n');
    if (hasRedisServer) {
      const env = { ...process.env, REDISCLI_AUTH: PASSWORD };
      for (const port of [PORT, PORT + 1])
        expect(execFileSync('redis-cli', ['-p', `${port}`, 'PING'], { env }).toString()).toBe('PONG\n');
    }
    const conf = readFileSync(join(home, 'default/nodes', `${PORT}`, 'node.conf'), 'utf8');
    expect(conf).toContain('requirepass "\\xc3\\xa9\\xe2\\x98\\x83 \\"x\\""');

    await run('node', 'add');
    await run('node', 'kill', `${PORT}`);
    await until('a replica takes over', async () => {
      const { result } = JSON.parse((await rkv(['status', '--json'], { home })).stdout);
      return result.shards.every(({ primary }: { primary: { reachable: boolean } }) => primary.reachable);
    });
    expect(await run('cli', '-c', '-p', `${PORT + 1}`, 'GET', 'ké')).toBe('v☃\n');
    await run('node', 'start', `${PORT}`);
    await run('wait', 'ready');
  },
  TIMEOUT_MS,
);
