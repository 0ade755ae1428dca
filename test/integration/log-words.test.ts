import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, hasRedisServer, type Started, startNode, temporaryFolder, until } from './processes.ts';

/*
 * What scripts and operators look for in the log. The same is done to both servers, and both have to say the words: so
 * each of them is one of redis-server's own.
 */

const ENGINES = hasRedisServer ? (['rkv', 'redis'] as const) : (['rkv'] as const);
type Engine = (typeof ENGINES)[number];
/** Two for each test and engine. */
const PORTS = { rkv: 23_420, redis: 23_430 } as const;

async function says(node: Started, ...words: string[]): Promise<void> {
  for (const word of words) {
    await until(`${JSON.stringify(word)} stands in\n${node.output()}`, async () => node.output().includes(word));
  }
}

async function whenIdle(node: Started, field: string): Promise<void> {
  const client = node.client();
  await until(`${field} is 0`, async () => (await client.info('persistence')).includes(`${field}:0`));
  client.disconnect();
}

describe.each(ENGINES)('the log of %s', (engine: Engine) => {
  test('tells of start, saves, rewrites, loading and the end', async () => {
    const port = PORTS[engine];
    const dir = temporaryFolder();
    const args = ['--always-show-logo', 'yes', '--enable-debug-command', 'yes', '--pidfile', join(dir, 'pid')];
    const node = startNode(engine, { port, dir, args });
    await says(node, 'oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo', 'Redis version=', ', just started');
    await says(node, ` PID: ${node.child.pid}`, 'Running in standalone mode', `Port: ${port}`);
    await says(node, 'Server initialized', 'Ready to accept connections');
    const client = connect(port);
    await client.set('k', 'v');
    await client.bgsave();
    await says(
      node,
      'Background saving started by pid',
      'DB saved on disk',
      'Background saving terminated with success',
    );
    await client.debug('RELOAD');
    await says(node, 'Loading RDB produced by version', 'RDB age', 'RDB memory usage when created');
    await says(node, 'Done loading RDB, keys loaded: 1, keys expired: 0.', 'DB reloaded by DEBUG RELOAD');
    await client.config('SET', 'appendonly', 'yes');
    await whenIdle(node, 'aof_rewrite_in_progress');
    await says(node, 'Background append only file rewriting started by pid');
    await says(node, 'Background AOF rewrite terminated with success', 'Background AOF rewrite finished successfully');
    await client.set('k', 'later');
    await client.debug('LOADAOF');
    await says(node, 'Reading RDB base file on AOF loading...', 'DB loaded from base file', 'DB loaded from incr file');
    await says(node, 'Append Only File loaded by DEBUG LOADAOF');
    client.disconnect();
    node.child.kill('SIGTERM');
    await node.ended;
    await says(node, 'Received SIGTERM scheduling shutdown...', 'User requested shutdown...');
    await says(node, 'Calling fsync() on the AOF file.', 'Removing the pid file.');
    await says(node, 'Redis is now ready to exit, bye bye...');
    expect(existsSync(join(dir, 'pid'))).toBe(false);

    const again = startNode(engine, { port, dir, args: ['--appendonly', 'no'] });
    await says(again, 'DB loaded from disk: ', 'Ready to accept connections');
    const last = connect(port);
    void last.call('SHUTDOWN', 'SAVE').catch(() => {});
    await again.ended;
    last.disconnect();
    await says(
      again,
      'User requested shutdown...',
      'Saving the final RDB snapshot before exiting.',
      'DB saved on disk',
    );
  });

  test('shows the process id once clients can connect, and each reason once', async () => {
    const port = PORTS[engine] + 1;
    const dir = temporaryFolder();
    const node = startNode(engine, { port, dir });
    await says(node, 'Ready to accept connections');
    const second = startNode(engine, { port, dir: temporaryFolder(), args: ['--always-show-logo', 'yes'] });
    expect(await second.ended).toBe(1);
    expect(second.output()).not.toContain('PID:');
    await node.kill();

    const folder = join(dir, 'appendonlydir');
    mkdirSync(folder);
    const reason = async (manifest: string, word: string): Promise<string> => {
      writeFileSync(join(folder, 'appendonly.aof.manifest'), manifest);
      const start = startNode(engine, { port, dir, args: ['--appendonly', 'yes'] });
      expect(await start.ended).toBe(1);
      const lines = start.output().split('\n');
      expect(lines.filter((line) => line.includes(word))).toHaveLength(1);
      return lines.find((line) => line.includes(word))!;
    };
    await reason('file a seq 1 type b\nfile b seq 2 type b\n', 'Found duplicate base file information');
    await reason('file a seq 1 type x\n', 'Unknown AOF file type');
    const missing = await reason('file a seq 1 type b\n', 'No such file or directory');
    expect(missing).toMatch(/AOF file a .*No such file or directory/);
  });

  test('tells what is wrong with data that cannot be loaded', async () => {
    const port = PORTS[engine] + 1;
    const dir = temporaryFolder();
    const node = startNode(engine, { port, dir, args: ['--rdbcompression', 'no', '--appendonly', 'yes'] });
    await says(node, 'Ready to accept connections');
    const client = connect(port);
    for (let i = 0; i < 20; i++) await client.set(`key:${i}`, 'value'.repeat(20));
    await client.save();
    client.disconnect();
    await node.kill();

    const refused = async (...words: string[]): Promise<void> => {
      const args = words[0] === 'rdb' ? [] : ['--appendonly', 'yes', '--aof-load-truncated', 'no'];
      const start = startNode(engine, { port, dir, args });
      expect(await start.ended).toBe(1);
      await says(start, ...words.slice(1));
    };
    const dump = join(dir, 'dump.rdb');
    const whole = readFileSync(dump);
    const damaged = Buffer.from(whole);
    damaged[damaged.indexOf('valuevalue')]! ^= 1;
    writeFileSync(dump, damaged);
    await refused('rdb', 'Internal error in RDB reading offset', 'Wrong RDB checksum expected: (', 'RDB CRC error');
    writeFileSync(dump, whole.subarray(0, whole.length - 30));
    await refused('rdb', 'Internal error in RDB reading offset');

    const folder = join(dir, 'appendonlydir');
    const incr = join(folder, readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!);
    const log = readFileSync(incr);
    truncateSync(incr, log.length - 3);
    await refused('aof', 'Unexpected end of file reading the append only file');
    writeFileSync(incr, Buffer.concat([log, Buffer.from('!wrong\r\n')]));
    await refused('aof', 'Bad file format reading the append only file');
    unlinkSync(incr);
    await refused('aof', '.incr.aof', 'No such file or directory');
    writeFileSync(join(folder, 'appendonly.aof.manifest'), 'file x seq\n');
    await refused('aof', 'FATAL AOF MANIFEST FILE ERROR', 'Invalid AOF manifest file format');
  });

  test('tells of both sides of replication', async () => {
    const port = PORTS[engine] + 2;
    const primary = startNode(engine, { port, args: ['--repl-diskless-sync', 'no'] });
    await says(primary, 'Ready to accept connections');
    const replica = startNode(engine, { port: port + 1, args: ['--replicaof', `127.0.0.1 ${port}`] });
    await says(replica, `Connecting to MASTER 127.0.0.1:${port}`, 'MASTER <-> REPLICA sync started');
    await says(replica, 'Master replied to PING, replication can continue...', 'Full resync from master: ');
    await says(replica, 'MASTER <-> REPLICA sync: receiving ', 'MASTER <-> REPLICA sync: Loading DB in memory');
    await says(replica, 'MASTER <-> REPLICA sync: Finished with success');
    await says(primary, `Replica 127.0.0.1:${port + 1} asks for synchronization`, 'Full resync requested by replica');
    await says(primary, 'Starting BGSAVE for SYNC with target: disk', 'Background saving started by pid');
    await says(primary, 'Background saving terminated with success');
    await says(primary, `Synchronization with replica 127.0.0.1:${port + 1} succeeded`);
    const client = connect(port);
    await client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await says(replica, 'Connection with master lost.', 'Trying a partial resynchronization (request ');
    await says(replica, 'MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.');
    await says(primary, `Partial resynchronization request from 127.0.0.1:${port + 1} accepted. Sending `);
    client.disconnect();
    const other = connect(port + 1);
    await other.call('REPLICAOF', 'NO', 'ONE');
    await says(replica, 'Setting secondary replication ID to ', 'MASTER MODE enabled (user request from ');
    other.disconnect();
    await replica.kill();
    await says(primary, `Connection with replica 127.0.0.1:${port + 1} lost.`);
  });
});
