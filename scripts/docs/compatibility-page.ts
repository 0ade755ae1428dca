import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { directiveOf, findName, names } from '../../src/config/directives.ts';
import { DEFAULT_PROFILE } from '../../src/config/profiles.ts';
import { specs } from '../../src/server/handlers/table.ts';
import { differences, partly } from './differences.ts';
import { code, GENERATED, plain, table } from './markdown.ts';
import { titleOf } from './server-commands-page.ts';

/* docs/compatibility.md: the bundled server beside redis-server 7.2, command by command and directive by directive. */

interface RedisFacts {
  readonly version: string;
  /** Subcommands as 'config|get'. */
  readonly commands: Readonly<Record<string, { readonly group: string; readonly since: string }>>;
  /** What CONFIG GET * answers. */
  readonly directives: readonly string[];
}

/** As an installed server of that version answers. */
export const redis70 = JSON.parse(readFileSync(join(import.meta.dirname, 'redis-7.0.15.json'), 'utf8')) as RedisFacts;

/** What 7.2.4 has besides, and what it does not show any more. */
const SINCE_7_2 = {
  commands: {
    waitaof: { group: 'generic', since: '7.2.0' },
    'client|no-touch': { group: 'connection', since: '7.2.0' },
    'client|setinfo': { group: 'connection', since: '7.2.0' },
    'cluster|myshardid': { group: 'cluster', since: '7.2.0' },
  },
  directives: [
    'cluster-announce-human-nodename',
    'locale-collate',
    'set-max-listpack-entries',
    'set-max-listpack-value',
  ],
  hidden: ['aof-disable-auto-gc'],
};

/** The version that the bundled server is like. */
export const redis: RedisFacts = {
  version: DEFAULT_PROFILE.redisVersion,
  commands: { ...redis70.commands, ...SINCE_7_2.commands },
  directives: [...redis70.directives, ...SINCE_7_2.directives]
    .filter((name) => !SINCE_7_2.hidden.includes(name))
    .sort(),
};

/** Names of all our commands and subcommands, in the same form. */
export const ours: ReadonlySet<string> = new Set(
  specs.flatMap((spec) => [spec.name, ...(spec.subcommands ?? []).map((sub) => `${spec.name}|${sub.name}`)]),
);

/** Of commands alone: their subcommands are not counted. */
export function countOf(names: readonly string[]): string {
  const commands = names.filter((name) => !name.includes('|'));
  return `${commands.filter((name) => ours.has(name)).length} of ${commands.length}`;
}

export function compatibilityPage(): string {
  const all = Object.keys(redis.commands);
  const subcommands = all.filter((name) => name.includes('|'));
  return `${GENERATED}

# Compatibility

The bundled server beside redis-server ${redis.version}: it has **${countOf(all)} commands** and
**${subcommands.filter((name) => ours.has(name)).length} of ${subcommands.length} subcommands**. \`--engine redis\` and \`--engine valkey\` run an installed server
instead, with everything that it knows.

What is *not yet* there answers as any unknown command does:

\`\`\`
ERR unknown command 'ZADD', with args beginning with: 'key' '1' 'member'${' '}
ERR unknown subcommand 'tracking'. Try CLIENT HELP.
\`\`\`

Nothing answers OK and does nothing.

## Known differences

${differences.map(({ topic, entries }) => `**${topic}**\n\n${entries.map(({ what, why }) => `- ${what}: ${why}\n`).join('')}`).join('\n')}
## Commands

${groupTables()}
## Beyond ${redis.version}

${listOf([...ours].filter((name) => redis.commands[name] === undefined).map(shown))}

## Directives

${directiveStatus()}`;
}

function groupTables(): string {
  const groups = Map.groupBy(Object.keys(redis.commands), (name) => redis.commands[name]!.group);
  return [...groups.keys()]
    .sort()
    .map((group) => {
      const members = groups.get(group)!.toSorted();
      const rows = members.map((name) => [code(shown(name)), redis.commands[name]!.since, verdict(name)]);
      const known = members.filter((name) => ours.has(name)).length;
      return `### ${titleOf(group)}: ${known} of ${members.length}\n\n${table(['Command', 'Since', 'rkv'], rows)}`;
    })
    .join('\n');
}

function verdict(name: string): string {
  if (!ours.has(name)) return 'not yet';
  return partly[name] === undefined ? 'yes' : `partly: ${plain(partly[name])}`;
}

function shown(name: string): string {
  return name.replace('|', ' ').toUpperCase();
}

function directiveStatus(): string {
  const without = names.filter((name) => directiveOf(name).status === 'not-applicable');
  const unknown = redis.directives.filter((name) => findName(name) === null);
  const inFiles = names.filter((name) => directiveOf(name).fileOnly);
  const beyond = names.filter((name) => !redis.directives.includes(name) && !inFiles.includes(name));
  const reasons = Map.groupBy(without, (name) => directiveOf(name).reason ?? '');
  const rows = [...reasons].map(([reason, members]) => [members.map(code).join(' '), plain(reason)]);
  return `Of ${redis.directives.length} names that CONFIG GET answers there, ${redis.directives.length - unknown.length} are known here; [config.md](config.md) has
them all. Unknown: ${listOf(unknown)}. Beyond ${redis.version}: ${listOf(beyond)}.

Accepted, kept and shown, and without effect, ${without.length}:

${table(['Directives', 'Why'], rows)}`;
}

function listOf(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.map(code).join(', ');
}
