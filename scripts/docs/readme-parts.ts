import { countOf, ours, redis } from './compatibility-page.ts';

/* What README.md says of the commands that are there and those that are not, so that it grows with the server. */

/** What users know by a name of its own, in the order in which most of them ask for it; each by a command of it. */
const FEATURES: readonly (readonly [feature: string, command: string])[] = [
  ['hashes', 'hset'],
  ['sorted sets', 'zadd'],
  ['streams', 'xadd'],
  ['Pub/Sub', 'subscribe'],
  ['sharded channels', 'ssubscribe'],
  ['blocking list commands', 'blpop'],
  ['Lua', 'eval'],
  ['ACL users', 'acl|setuser'],
];

/** The types of values, by the name of their group of commands. */
const TYPES: readonly (readonly [type: string, group: string])[] = [
  ['strings', 'string'],
  ['hashes', 'hash'],
  ['lists', 'list'],
  ['sets', 'set'],
  ['sorted sets', 'sorted-set'],
  ['streams', 'stream'],
  ['bitmaps', 'bitmap'],
  ['HyperLogLog', 'hyperloglog'],
  ['geo indexes', 'geo'],
];

const LINE = 120;

/** Its first paragraphs, after the one that says what rkv is. */
export function missingParagraph(): string {
  const missing = FEATURES.filter(([, command]) => !ours.has(command)).map(([feature]) => feature);
  return wrapped(
    `This is 0.1.0, the first version. The bundled server has ${countOf(Object.keys(redis.commands))} commands of Redis ${redis.version}: **no ${inWords([...missing, 'eviction'], 'or')} yet** ([everything it has and has not](docs/compatibility.md)). Where those are needed, \`--engine redis\` runs the same cluster on an installed Redis.`,
  );
}

/** Its limits, as far as types and commands are concerned. */
export function typesParagraph(): string {
  const all = TYPES.map(([type, group]) => {
    const members = Object.keys(redis.commands).filter((name) => redis.commands[name]!.group === group);
    return { type, members, isThere: members.some((name) => ours.has(name)) };
  });
  const there = all
    .filter(({ isThere }) => isThere)
    .map(({ type, members }) => `${type} (${countOf(members)} commands)`);
  const missing = all.filter(({ isThere }) => !isThere).map(({ type }) => type);
  return wrapped(
    `- **Types**: ${inWords(there, 'and')}; no ${inWords(missing, 'or')} yet. [docs/compatibility.md](docs/compatibility.md) lists every command and subcommand of Redis ${redis.version}.`,
    '  ',
  );
}

function inWords(words: readonly string[], last: 'and' | 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

/** In lines as long as those of the rest of the page; those after the first begin with `indent`. */
function wrapped(text: string, indent = ''): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined) lines.push(word);
    else if (line.length + 1 + word.length <= LINE) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(indent + word);
  }
  return `${lines.join('\n')}\n`;
}
