import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { program, ROOT, temporaryHome, until } from './rkv.ts';

/* The prompt on a terminal, which `script` provides: typed ahead, completed, interrupted, remembered. */

const PORT = 24_025;
const hasScript = spawnSync('script', ['--version']).status === 0;
const { home, remove } = temporaryHome();
let server: ChildProcess;

beforeAll(async () => {
  if (!hasRedisServer) return;
  server = spawn('redis-server', ['--port', String(PORT), '--save', '', '--dir', home], { stdio: 'ignore' });
  await until(async () => (await program('redis-cli', ['-p', String(PORT), 'PING'])).stdout === 'PONG\n');
});

afterAll(() => {
  server?.kill('SIGKILL');
  remove();
});

describe.skipIf(!hasRedisServer || !hasScript)('on a terminal', () => {
  test('a prompt runs what is typed, also ahead, and Ctrl-C ends a subscription and not the prompt', async () => {
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT}`);
    await terminal.shows(`127.0.0.1:${PORT}> `);
    terminal.type('set greeting "hello\\n"\n');
    await terminal.shows('OK');
    terminal.type('get greeting\nmulti\nincr n\nexec\nselect 2\n');
    await terminal.shows('"hello\\n"');
    await terminal.shows('QUEUED');
    await terminal.shows('1) (integer) 1');
    await terminal.shows(`127.0.0.1:${PORT}[2]> `);
    terminal.type('hgeta');
    await terminal.shows('hgeta');
    terminal.type('\t');
    await terminal.shows('ll'); // What completes 'hgeta'.
    terminal.type(' h\n');
    await terminal.shows('(empty array)');
    terminal.type('subscribe news\n');
    await terminal.shows('3) (integer) 1');
    await program('redis-cli', ['-p', String(PORT), 'PUBLISH', 'news', 'extra']);
    await terminal.shows('3) "extra"');
    terminal.type('\x03');
    await terminal.shows(`127.0.0.1:${PORT}[2]> `);
    terminal.type('auth secret\n');
    await terminal.shows('(error) ERR AUTH');
    terminal.type('quit\n');
    expect(await terminal.ended).toBe(0);
    const history = readFileSync(join(home, '.cli_history'), 'utf8').split('\n');
    expect(history.slice(0, 2)).toEqual(['set greeting "hello\\n"', 'get greeting']);
    expect(history).not.toContain('auth secret');
  });

  test('TAB completes subcommands and lists several, Ctrl-C clears a line, help tells arguments', async () => {
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT}`);
    await terminal.shows(`127.0.0.1:${PORT}> `);
    terminal.type('CONFIG RES\t');
    await terminal.shows('CONFIG RES');
    await terminal.shows('ETSTAT');
    terminal.type('\x03');
    await terminal.shows(`127.0.0.1:${PORT}> `);
    // One key at a time: tabs in the midst of what is pasted are text.
    for (const [keys, shown] of [
      ['hge', 'hge'],
      ['\t', 't'],
      ['\t', 'hgetall'],
    ] as const) {
      terminal.type(keys);
      await terminal.shows(shown);
    }
    terminal.type('\x03help expire\n');
    await terminal.shows('EXPIRE key seconds [NX | XX | GT | LT]');
    terminal.type('help\n');
    await terminal.shows('help COMMAND');
    const help = await terminal.shows(`127.0.0.1:${PORT}> `);
    expect(help.split(/\r?\n/).filter((row) => row.length > 80)).toEqual([]);
    terminal.type('help bitfield\n');
    await terminal.shows('BITFIELD key');
    const bitfield = await terminal.shows(`127.0.0.1:${PORT}> `);
    expect(bitfield).toMatch(/\r?\n {2}.*increment/);
    expect(bitfield.split(/\r?\n/).filter((row) => row.length > 100)).toEqual([]);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(0);
  });

  test('what is expected next stands dimmed behind the cursor, and not in the line that was sent', async () => {
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT}`, { keepControls: true });
    await terminal.shows(`127.0.0.1:${PORT}> `);
    terminal.type('getex key');
    await terminal.shows('\x1b[2m [EX seconds | PX milliseconds');
    terminal.type('\n');
    await terminal.shows('\x1b[K\r');
    await terminal.shows('(nil)');
    // What TAB completes is hinted at without another key.
    terminal.type('incrbyf');
    await terminal.shows('f');
    terminal.type('\t');
    await terminal.shows('loat\x1b[2m key increment');
    terminal.type('\x03\x03');
    expect(await terminal.ended).toBe(0);
  });

  test('TAB in a transaction asks the server nothing that would become a part of it', async () => {
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT}`);
    await terminal.shows(`127.0.0.1:${PORT}> `);
    terminal.type('multi\n');
    await terminal.shows('(TX)> ');
    terminal.type('ech\t');
    await terminal.shows('ech');
    terminal.type('o once\n');
    await terminal.shows('QUEUED');
    terminal.type('exec\n');
    await terminal.shows('1) "once"');
    expect(await terminal.shows(`127.0.0.1:${PORT}> `)).not.toContain('2)');
    terminal.type('ech\t');
    await terminal.shows('ech');
    await terminal.shows('o');
    terminal.type('\x03\x03');
    expect(await terminal.ended).toBe(0);
  });

  test('a subscription that is refused announces no messages', async () => {
    await program('redis-cli', ['-p', String(PORT), 'ACL', 'SETUSER', 'quiet', 'on', 'nopass', '+auth']);
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT} --user quiet -a x`);
    await terminal.shows(`127.0.0.1:${PORT}> `);
    terminal.type('monitor\n');
    expect(await terminal.shows('NOPERM')).not.toContain('Reading messages');
    terminal.type('quit\n');
    expect(await terminal.ended).toBe(0);
  });

  test('one command prints for people', async () => {
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${PORT} RPUSH numbers 1 2`);
    await terminal.shows('(integer) 2');
    expect(await terminal.ended).toBe(0);
  });
});

describe.skipIf(!hasScript)('on a terminal, with the bundled server', () => {
  test('subcommands are completed, and help shows the arguments', async () => {
    await using bundled = await startServer();
    const terminal = openTerminal(`'${process.execPath}' bin/run.js cli -p ${bundled.port}`);
    await terminal.shows(`127.0.0.1:${bundled.port}> `);
    terminal.type('config res\t');
    await terminal.shows('config res');
    await terminal.shows('etstat');
    terminal.type('\x03help config set\n');
    await terminal.shows('CONFIG SET parameter value [parameter value ...]');
    terminal.type('help get\n');
    await terminal.shows('GET key\r\n  summary');
    terminal.type('quit\n');
    expect(await terminal.ended).toBe(0);
  });

  test('a subscription prints messages until Ctrl-C, in both protocols', async () => {
    await using bundled = await startServer();
    for (const flag of ['-2', '-3']) {
      const terminal = openTerminal(`'${process.execPath}' bin/run.js cli ${flag} -p ${bundled.port}`);
      await terminal.shows(`127.0.0.1:${bundled.port}> `);
      terminal.type('psubscribe n* m*\n');
      await terminal.shows('Reading messages... (press Ctrl-C to quit)');
      await terminal.shows('3) (integer) 2');
      expect(await bundled.call('PUBLISH', 'news', `extra ${flag}`)).toBe(1);
      await terminal.shows(`4) "extra ${flag}"`);
      terminal.type('\x03');
      await terminal.shows(`127.0.0.1:${bundled.port}> `);
      terminal.type('quit\n');
      expect(await terminal.ended).toBe(0);
    }
  });

  test.each([['NO_COLOR=1'], ['TERM=dumb']])('with %s there are no hints', async (setting) => {
    await using bundled = await startServer();
    const terminal = openTerminal(`env ${setting} '${process.execPath}' bin/run.js cli -p ${bundled.port}`);
    await terminal.shows(`127.0.0.1:${bundled.port}> `);
    terminal.type('get');
    await terminal.shows('get');
    terminal.type(' nothing\n');
    expect(await terminal.shows('(nil)')).not.toContain('key');
    terminal.type('quit\n');
    expect(await terminal.ended).toBe(0);
  });
});

describe.skipIf(!hasScript)('a question', () => {
  const destroy = `'${process.execPath}' bin/run.js cluster destroy asked`;

  test.each([
    ['n\n', 7, "the answer was 'n'"],
    ['\n', 7, "the answer was ''"],
    ['\x04', 7, 'the answer was none'],
    ['\x03', 130, 'was interrupted'],
    ['yes\n', 0, 'Cluster asked'],
  ])('answered with %j ends with %d', async (keys, status, words) => {
    mkdirSync(join(home, 'asked/nodes'), { recursive: true });
    writeFileSync(join(home, 'asked/cluster.yaml'), 'version: 1\nname: asked\n');
    const terminal = openTerminal(destroy);
    await terminal.shows('[y/N] ');
    terminal.type(keys);
    await terminal.shows(words);
    expect(await terminal.ended).toBe(status);
  });
});

/** Hints, dimmed behind the cursor, come and go with every key. */
function withoutHints(printed: string): string {
  const [first, ...rest] = printed.split('\x1b[2m');
  return [first, ...rest.map((part) => part.split('\x1b[22m').slice(1).join(''))].join('');
}

function openTerminal(command: string, { keepControls = false } = {}) {
  const child = spawn('script', ['-qec', `stty rows 24 cols 100; exec ${command}`, '/dev/null'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: home, RKV_HOME: home, TERM: 'xterm', LANG: 'C.UTF-8' },
  });
  let printed = '';
  let read = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const unread = (): string => (keepControls ? printed : stripVTControlCharacters(withoutHints(printed))).slice(read);
  return {
    type: (keys: string) => child.stdin.write(keys),
    /** Waits for words after those that were waited for before; answers what came first. */
    async shows(words: string) {
      await until(() => Promise.resolve(unread().includes(words))).catch(() => {
        throw new Error(`the terminal never showed '${words}', but:\n${unread()}`);
      });
      const before = unread().slice(0, unread().indexOf(words));
      read += before.length + words.length;
      return before;
    },
    ended: new Promise<number | null>((resolve) => child.on('exit', resolve)),
  };
}
