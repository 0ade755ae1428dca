import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ours, redis, redis70 } from '../../scripts/docs/compatibility-page.ts';
import { partly } from '../../scripts/docs/differences.ts';
import { directiveOf, names } from '../../src/config/directives.ts';
import { CommandFailure, startServer } from '../../src/index.ts';
import { hasRedisServer, startRealRedis } from '../base/real-redis.ts';

const ROOT = join(import.meta.dirname, '../..');

/* What docs/compatibility.md says of the server is asked of the server. */

test('a command that is not there yet answers as an unknown one', async () => {
  await using server = await startServer();
  for (const name of Object.keys(redis.commands).filter((each) => !ours.has(each))) {
    const [command, sub] = name.split('|') as [string, string?];
    const answer = await errorOf(server.call(command, ...(sub === undefined ? [] : [sub])));
    const expected =
      sub === undefined || !ours.has(command) ? `ERR unknown command '${command}'` : 'ERR unknown subcommand';
    expect(answer, name).toContain(expected);
  }
});

test('what is said of single commands and directives is about some that are there', () => {
  for (const name of Object.keys(partly)) expect(ours, name).toContain(name);
  for (const name of names)
    if (directiveOf(name).status === 'not-applicable') expect(directiveOf(name).reason).toBeTruthy();
});

test.skipIf(!hasRedisServer)(
  'the facts about Redis are those of an installed server of that version',
  async (context) => {
    const server = await startRealRedis();
    try {
      const info = String(await server.call('info', 'server'));
      if (!info.includes(`redis_version:${redis70.version}`)) return context.skip(`it is not ${redis70.version}`);
      const listed = (await server.call('command', 'list')) as string[];
      expect(listed.toSorted()).toEqual(Object.keys(redis70.commands).toSorted());
      const directives = (await server.call('config', 'get', '*')) as string[];
      expect(directives.filter((_, index) => index % 2 === 0).toSorted()).toEqual(redis70.directives);
    } finally {
      await server.stop();
    }
  },
);

test('a directive that is said to be obeyed is read by somebody', () => {
  const readers = [...sourcesBelow('src/server'), join(ROOT, 'src/config/conf-file.ts')];
  const code = readers.map((path) => readFileSync(path, 'utf8')).join('\n');
  const unread = names.filter((name) => {
    // config['maxmemory-policy'], config.port, { pidfile, daemonize }: Config
    const isRead = code.includes(`'${name}'`) || new RegExp(`(?:config\\.|[{,] )${name}\\b(?!:)`).test(code);
    return directiveOf(name).status === 'obeyed' && !isRead;
  });
  expect(unread).toEqual([]);
});

function sourcesBelow(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.map((file) => join(ROOT, folder, file));
}

async function errorOf(reply: Promise<unknown>): Promise<string> {
  try {
    return `no error but ${await reply}`;
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return error.message;
  }
}
