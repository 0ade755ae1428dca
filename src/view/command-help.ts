/** `help` at the prompt: what the prompt itself understands, and what the server says about one of its commands. */
import type { CliSession } from '../cluster/cli-session.ts';
import type { Reply } from '../cluster/reply.ts';

const PROMPT_HELP = `\
help COMMAND       what the server says about a command
connect HOST PORT  go to another server
5 COMMAND          run a command five times
clear              clear the screen
quit, exit         leave; Ctrl-D, too
TAB                complete the name of a command

Everything else is sent to the server: "two words" are one argument, "\\x00" is a byte.
`;

const SHOWN = ['summary', 'since', 'group', 'complexity'];

export async function helpText(session: CliSession, words: readonly string[]): Promise<string> {
  if (words.length === 0) return PROMPT_HELP;
  const { reply } = await session.exchange(['COMMAND', 'DOCS', words.join('|')]);
  const docs = pairsOf(reply);
  if (docs.length === 0) return `The server knows no command '${words.join(' ')}'.\n`;
  return docs.map(([name, facts]) => describe(name, facts)).join('\n');
}

function describe(name: string, facts: Reply): string {
  const known = new Map(pairsOf(facts).map(([fact, value]) => [fact, textOf(value)]));
  const rows = SHOWN.filter((fact) => known.get(fact)).map((fact) => `  ${fact.padEnd(10)}  ${known.get(fact)}\n`);
  return `${name.replaceAll('|', ' ').toUpperCase()}\n${rows.join('')}`;
}

/** A map in RESP3 is a list of names and values in turn in RESP2. */
function pairsOf(reply: Reply): [string, Reply][] {
  if (reply.type === 'map') return reply.pairs.map(([name, value]) => [textOf(name), value]);
  if (reply.type !== 'array') return [];
  const pairs: [string, Reply][] = [];
  for (let i = 0; i + 1 < reply.items.length; i += 2) {
    pairs.push([textOf(reply.items[i] as Reply), reply.items[i + 1] as Reply]);
  }
  return pairs;
}

function textOf(reply: Reply): string {
  return 'bytes' in reply ? reply.bytes.toString() : '';
}
