import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { CliSession } from '../../src/cluster/cli/cli-session.ts';
import type { Reply } from '../../src/cluster/node/reply.ts';
import { startServer } from '../../src/index.ts';
import { argumentsOf, pairsOf } from '../../src/view/command-help.ts';
import { COMMAND_SYNTAX } from '../../src/view/command-syntax.ts';
import { hintFor, showHints } from '../../src/view/hint.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { startRealServer } from '../support/real-server.ts';

const SET =
  '[NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]';

test.each([
  ['', ''],
  ['se', ''],
  ['get', ' key'],
  ['GET ', 'key'],
  ['get k', ''],
  ['set', ` key value ${SET}`],
  ['set k', ` value ${SET}`],
  ['set k ', `value ${SET}`],
  ['set "two words" v', ` ${SET}`],
  ['set k v EX 5', ` ${SET}`],
  ['set "never closed', ''],
  ['config', ''],
  ['config set', ' parameter value [parameter value ...]'],
  ['config set maxmemory ', 'value [parameter value ...]'],
  ['5 incr', ' key'],
  ['nosuch a b', ''],
  ['xreadgroup ', 'GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]'],
])('behind %j stands %j', (line, hint) => {
  expect(hintFor(line)).toBe(hint);
});

test.each([
  ['gett ', "(unknown command; did you mean 'get'?)"],
  ['hgetall', ' (unknown command)'],
  ['hgetall key', ' (unknown command)'],
  ['ge', ''],
  ['get', ' key'],
  ['config set', ' parameter value [parameter value ...]'],
  ['help hset', ''],
  ['5 nosuch', ' (unknown command)'],
  ['', ''],
])('behind %j stands %j where the server has GET and CONFIG alone', (line, hint) => {
  expect(hintFor(line, ['get', 'config', 'config|set'])).toBe(hint);
});

test.skipIf(!hasRedisServer)('the table says what redis-server says of every command that has arguments', async () => {
  const server = await startRealServer();
  onTestFinished(() => server.stop());
  const told = await docsOf(server.port);
  const expected = told.flatMap(([name, facts]): [string, string][] => {
    const args = pairsOf(facts).find(([fact]) => fact === 'arguments')?.[1];
    return args === undefined ? [] : [[name, argumentsOf(args).join(' ')]];
  });
  expect(expected.length).toBeGreaterThan(250);
  expect([...COMMAND_SYNTAX].sort()).toEqual(expected.sort());
});

/** Of these COMMAND DOCS of Redis tells no arguments. */
const UNDOCUMENTED = ['DEBUG', 'PSYNC', 'QUIT', 'REPLCONF', 'RESTORE-ASKING'];

test('every command of the bundled server that takes arguments has its line', async () => {
  await using server = await startServer();
  const list = (await server.call('COMMAND', 'INFO')) as [string, number][];
  const takesSome = list.filter(([, arity]) => arity !== 1).map(([name]) => name.toUpperCase());
  const containers = new Set([...COMMAND_SYNTAX.keys()].flatMap((name) => name.split(' ').slice(0, -1)));
  const missing = takesSome.filter((name) => !COMMAND_SYNTAX.has(name) && !containers.has(name));
  expect(missing.filter((name) => !UNDOCUMENTED.includes(name))).toEqual([]);
});

test('a hint is drawn behind the cursor after a key, and taken away before the next one is looked at', () => {
  const { type, drawn } = openPrompt({ columns: 40 });
  expect(type('get')).toBe('get\x1b[2m key\x1b[22m\x1b[4D');
  expect(type(' k')).toBe('\x1b[K \x1b[2mkey\x1b[22m\x1b[3D\x1b[Kk');
  expect(type('\x7f')).toContain('\x1b[2mkey\x1b[22m');
  // The line that stays on the screen is the line that was typed.
  expect(type('\r').startsWith('\x1b[K\r\n')).toBe(true);
  expect(drawn()).toBe('');
});

test('a hint is cut at the edge of the terminal, and is none while a command runs', () => {
  const prompt = openPrompt({ columns: 20 });
  // '> set' takes 5 of the 20 columns, and the last one is left free.
  expect(prompt.type('set')).toBe('set\x1b[2m key value [NX\x1b[22m\x1b[14D');
  prompt.type('\r');
  prompt.state.isAtPrompt = false;
  expect(prompt.type('get')).toBe('get');
});

function openPrompt({ columns }: { columns: number }) {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns, rows: 24, isTTY: true }) as unknown as NodeJS.WriteStream;
  const state = { isAtPrompt: true };
  const prompt = createInterface({ input, output, terminal: true, prompt: '> ' });
  onTestFinished(() => prompt.close());
  showHints(prompt, { input, output, isAtPrompt: () => state.isAtPrompt });
  const drawn = (): string => String((output as unknown as PassThrough).read() ?? '');
  prompt.prompt();
  drawn();
  const type = (keys: string): string => {
    input.emit('data', Buffer.from(keys));
    return drawn();
  };
  return { type, drawn, state };
}

/** Names as they are typed, with what COMMAND DOCS says: of subcommands, too. */
async function docsOf(port: number): Promise<[string, Reply][]> {
  const at = { host: '127.0.0.1', port, db: 0, protocol: 2, cluster: false, connectTimeout_ms: 10_000 } as const;
  const session = new CliSession(at);
  const { reply } = await session.exchange(['COMMAND', 'DOCS']);
  session.close();
  const flatten = (docs: Reply): [string, Reply][] =>
    pairsOf(docs).flatMap(([name, facts]) => {
      const inner = pairsOf(facts).find(([fact]) => fact === 'subcommands')?.[1];
      return [[name.replaceAll('|', ' ').toUpperCase(), facts] as [string, Reply], ...(inner ? flatten(inner) : [])];
    });
  return flatten(reply);
}
