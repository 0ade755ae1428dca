/** An installed redis-server on a Unix socket in a folder of its own: what it answers is what we must answer. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const version = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
/** The texts and defaults compared are those of this line of versions. */
export const hasRedisServer: boolean = version.status === 0 && / v=7\.0\./.test(version.stdout);

export interface RealRedis {
  readonly folder: string;
  readonly socket: string;
  call(...args: (string | Buffer)[]): Promise<unknown>;
  /** The text of the error that the command ends in. */
  refusal(...args: (string | Buffer)[]): Promise<string>;
  /** All commands in one go. */
  all(commands: (string | Buffer)[][]): Promise<unknown[]>;
  stop(): Promise<void>;
}

export async function startRealRedis(args: readonly string[] = []): Promise<RealRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-real-'));
  const socket = join(folder, 's');
  const child = spawn('redis-server', [...args, '--port', '0', '--unixsocket', socket, '--dir', folder], {
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const redis = new Redis({
    path: socket,
    retryStrategy: (times) => (times < 400 ? 25 : null),
    maxRetriesPerRequest: null,
  });
  // Until the socket is there connecting fails, and is tried again.
  redis.on('error', () => {});
  const stop = async (): Promise<void> => {
    redis.disconnect();
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  // A server that nobody got is one that nobody would stop.
  await redis.ping().catch(async (error: Error) => {
    await stop();
    throw error;
  });
  const call = (...[name, ...rest]: (string | Buffer)[]): Promise<unknown> => redis.call(String(name), ...rest);
  return {
    folder,
    socket,
    call,
    refusal: (...words) =>
      call(...words).then(
        (reply) => `no error: ${String(reply)}`,
        (error: Error) => error.message,
      ),
    async all(commands) {
      const pipeline = redis.pipeline();
      for (const [name, ...rest] of commands) pipeline.call(String(name), ...rest);
      const replies = (await pipeline.exec()) ?? [];
      return replies.map(([error, reply]) => error ?? reply);
    },
    stop,
  };
}
