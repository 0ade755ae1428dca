/*
 * Passwords and names that are no UTF-8, from the configuration file to the disk, the wire and back. Each test holds for
 * redis-server, too: what is said of ours is what Redis does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { program, ROOT } from '../commands/rkv.ts';
import { started } from '../support/embedded.ts';
import { RawClient } from '../support/resp.ts';
import { hasRedisServer, temporaryFolder, until } from './processes.ts';

const PORT = 21_010;
const PASSWORD = '\xff\xe9\x80\xa0';
const SERVER = join(ROOT, 'bin/rkv-server.js');

const engines = ['rkv', ...(hasRedisServer ? ['redis'] : [])] as const;

/** Texts are bytes, a character each. */
function pathOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function start(engine: string, args: readonly string[]): ChildProcess & { said: () => string } {
  const [file, first] = engine === 'rkv' ? [process.execPath, [SERVER]] : ['redis-server', []];
  const child = spawn(file, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
  }
  onTestFinished(() => void child.kill('SIGKILL'));
  return Object.assign(child, { said: () => said });
}

async function enter(port: number): Promise<RawClient> {
  const attempts: { client: RawClient | null } = { client: null };
  await until('the server lets us in', async () => {
    const client = await RawClient.connect(port);
    const answer = await client.call('AUTH', PASSWORD);
    if (answer !== '+OK\r\n') throw new Error(answer);
    attempts.client = client;
    return true;
  });
  onTestFinished(() => attempts.client?.close());
  return attempts.client!;
}

function ended(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode);
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

describe.each(engines)('with %s', (engine) => {
  test('a server whose names are no UTF-8 keeps them all, and comes back as it was', async () => {
    const outside = temporaryFolder();
    const dir = `${outside}/d\xff \xc3\xa9`;
    mkdirSync(pathOf(dir));
    const conf = join(outside, 'é☃.conf');
    const lines = [
      `port ${PORT}`,
      'bind 127.0.0.1',
      `dir "${dir}"`,
      'dbfilename r\xfe.rdb',
      'appendonly yes',
      'appendfilename a\xfd.aof',
      'appenddirname ad\xfc',
      'logfile l\xfb.log',
      'pidfile p\xfa.pid',
      'unixsocket s\xf9',
      'enable-protected-configs yes',
      'repl-diskless-sync-delay 0',
      `include "${outside}/more-\xc3\xa9*.conf"`,
      `requirepass ${PASSWORD}`,
      `masterauth "\\xff\\xe9\\x80\\xa0"`,
      '',
    ];
    writeFileSync(conf, lines.join('\n'), 'latin1');
    writeFileSync(pathOf(`${outside}/more-\xc3\xa9\xff.conf`), 'masteruser u\xf8\n', 'latin1');
    const first = start(engine, [conf]);
    const client = await enter(PORT);
    expect(await client.call('SET', 'k\xff', 'v')).toBe('+OK\r\n');
    expect(await client.call('SAVE')).toBe('+OK\r\n');
    const names = readdirSync(pathOf(dir), 'latin1').filter((name) => !name.endsWith('.lock'));
    expect(names.sort()).toEqual(['ad\xfc', 'l\xfb.log', 'p\xfa.pid', 'r\xfe.rdb', 's\xf9']);
    expect(readFileSync(pathOf(`${dir}/ad\xfc/a\xfd.aof.manifest`), 'latin1')).toContain(
      'file "a\\xfd.aof.1.incr.aof"',
    );
    expect(readFileSync(pathOf(`${dir}/p\xfa.pid`), 'latin1')).toBe(`${first.pid}\n`);
    expect(await client.call('CONFIG', 'GET', 'dir')).toContain(`\r\n${dir}\r\n`);
    expect(await client.call('CONFIG', 'GET', 'masteruser')).toContain('\r\nu\xf8\r\n');
    expect(await client.call('INFO', 'server')).toContain('/\xc3\xa9\xe2\x98\x83.conf\r\n');
    expect(readFileSync(pathOf(`${dir}/l\xfb.log`), 'latin1')).toContain(`at s\xf9\n`);

    // A replica says the same bytes to its primary.
    const replica = await started({ dir: outside });
    const toReplica = await RawClient.connect(replica.port);
    onTestFinished(() => toReplica.close());
    await toReplica.call('CONFIG', 'SET', 'masterauth', PASSWORD);
    await toReplica.call('REPLICAOF', '127.0.0.1', `${PORT}`);
    await until('the replica has the data', async () => (await toReplica.call('GET', 'k\xff')) === '$1\r\nv\r\n');

    mkdirSync(pathOf(`${dir}/other\xff`));
    expect(await client.call('CONFIG', 'SET', 'dir', `${dir}/other\xff`)).toBe('+OK\r\n');
    expect(await client.call('CONFIG', 'GET', 'dir')).toContain(`\r\n${dir}/other\xff\r\n`);
    expect(await client.call('CONFIG', 'SET', 'dir', dir)).toBe('+OK\r\n');
    expect(await client.call('CONFIG', 'REWRITE')).toBe('+OK\r\n');
    expect(readFileSync(conf, 'latin1')).toContain('\nrequirepass "\\xff\\xe9\\x80\\xa0"\n');
    first.kill('SIGTERM');
    expect(await ended(first)).toBe(0);
    expect([`p\xfa.pid`, `s\xf9`].filter((name) => existsSync(pathOf(`${dir}/${name}`)))).toEqual([]);

    const second = start(engine, [conf]);
    const again = await enter(PORT);
    expect(await again.call('GET', 'k\xff')).toBe('$1\r\nv\r\n');
    expect(await again.call('CONFIG', 'GET', 'dir')).toContain(`\r\n${dir}\r\n`);
    await until('the replica is back', async () =>
      (await toReplica.call('INFO', 'replication')).includes('link_status:up'),
    );
    second.kill('SIGTERM');
    expect(await ended(second)).toBe(0);
  });

  test('a Unix socket whose name is no UTF-8 takes clients', async () => {
    const dir = temporaryFolder();
    const link = join(dir, 'link');
    // The name is given by the shell; clients come by a way that a string can say.
    const command = engine === 'rkv' ? `"${process.execPath}" "${SERVER}"` : 'redis-server';
    const child = spawn('sh', [
      '-c',
      `exec ${command} --port 0 --unixsocket "${dir}/$(printf '\\377')" --dir "${dir}"`,
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await until('the socket is there', async () => readdirSync(dir, 'latin1').includes('\xff'));
    symlinkSync(pathOf(`${dir}/\xff`), link);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(link, () => socket.write('PING\r\n'));
      socket.once('data', (bytes) => resolve(String(bytes))).on('error', reject);
      onTestFinished(() => void socket.destroy());
    });
    expect(answer).toBe('+PONG\r\n');
    child.kill('SIGTERM');
    await ended(child);
    expect(readdirSync(dir, 'latin1')).not.toContain('\xff');
  });

  test('a configuration file that is not there is named in its bytes', async () => {
    const child = start(engine, ['/nowhere/é.conf']);
    expect(await ended(child)).toBe(1);
    expect(child.said()).toContain("can't open config file '/nowhere/\xc3\xa9.conf': No such file or directory");
  });
});

test('a folder that is not there is named in its bytes, also by a server in the background', async () => {
  for (const more of [[], ['--daemonize', 'yes']]) {
    const child = start('rkv', ['--port', `${PORT}`, '--dir', '/nowhere/é', ...more]);
    expect(await ended(child)).toBe(1);
    expect(child.said()).toContain("Can't chdir to '/nowhere/\xc3\xa9': No such file or directory");
  }
});

test('rkv cli sends the bytes of its words and of a pipe, and shows them as redis-cli does', async () => {
  const server = await started();
  const run = join(ROOT, 'bin/run.js');
  const said = async (cli: string): Promise<string> => {
    const script = `cli() { ${cli} -p ${server.port} "$@"; }
      cli SET "$(printf 'k\\351')" "$(printf '\\303\\251 \\377')"; cli GET "$(printf 'k\\351')"
      printf 'SET p "\\377\\\\xfe\\342\\200\\250"\\nGET p\\n' | cli; cli --no-raw GET p; cli FLUSHALL`;
    return (await program('sh', ['-c', script], { encoding: 'latin1' })).stdout;
  };
  const ours = await said(`"${process.execPath}" "${run}" cli`);
  expect(ours).toContain('OK\n\xc3\xa9 \xff\nOK\n\xff\xfe\xe2\x80\xa8\n"\\xff\\xfe\\xe2\\x80\\xa8"\n');
  if (hasRedisServer) expect(ours).toBe(await said('redis-cli'));
});

test('the command line refuses what it could only pass on as something else', async () => {
  const run = `"${process.execPath}" "${join(ROOT, 'bin/run.js')}"`;
  for (const [command, why] of [
    [`RKV_PASSWORD=$(printf '\\377') ${run} cli PING`, 'the password is not UTF-8'],
    [`REDISCLI_AUTH=$(printf '\\377') ${run} cli PING`, 'the password is not UTF-8'],
    [`${run} cluster create --dry-run --password "$(printf '\\377')"`, 'the password is not UTF-8'],
    [`${run} server --requirepass "$(printf '\\377')"`, 'a command-line argument is not UTF-8'],
  ] as const) {
    const { status, stderr } = await program('sh', ['-c', command], { home: temporaryFolder() });
    expect([status, stderr.includes(why)], `${command}\n${stderr}`).toEqual([2, true]);
  }
});

test('a server is not sent to the background with less than it was given', async () => {
  const dir = temporaryFolder();
  const pid = join(dir, 'pid');
  onTestFinished(() => {
    if (existsSync(pid)) process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
  });
  const options = `--port ${PORT + 1} --daemonize yes --dir ${dir} --pidfile ${pid}`;
  const argv = `${options} --requirepass "$(printf 'a\\377')"`;
  const child = spawn('sh', ['-c', `exec "${process.execPath}" "${SERVER}" ${argv}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    said += text;
  });
  expect(await ended(child)).toBe(1);
  expect(said).toContain('command-line arguments must be UTF-8');
});
