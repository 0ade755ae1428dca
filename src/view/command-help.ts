/** `help` at the prompt: what the prompt itself understands, and what the server says about one of its commands. */
import type { CliSession } from '../cluster/cli/cli-session.ts';
import type { Reply } from '../cluster/node/reply.ts';
import { COMMAND_SYNTAX } from './command-syntax.ts';
import { wrap } from './format.ts';

const PROMPT_HELP = `\
help COMMAND       what the server says about a command
connect HOST PORT  go to another server
5 COMMAND          run a command five times
clear              clear the screen
quit, exit         leave; Ctrl-D, too
TAB                complete a command or subcommand; twice: list all that fit
Ctrl-C             clear the line; on an empty one, leave

Anything else goes to the server. "two words" is one argument, "\\x00" one byte.
`;

const SHOWN = ['summary', 'since', 'group', 'complexity'];

/** `columns` is null where nobody reads, and nothing is wrapped. */
export async function helpText(session: CliSession, words: readonly string[], columns: number | null): Promise<string> {
  if (words.length === 0) return PROMPT_HELP;
  const { reply } = await session.exchange(['COMMAND', 'DOCS', words.join('|')]);
  const docs = pairsOf(reply);
  if (docs.length === 0) return `The server knows no command '${words.join(' ')}'.\n`;
  return docs.map(([name, facts]) => describe(name, facts, columns)).join('\n');
}

function describe(name: string, facts: Reply, columns: number | null): string {
  const known = new Map(pairsOf(facts).map(([fact, value]) => [fact, textOf(value)]));
  const rows = SHOWN.filter((fact) => known.get(fact)).map((fact) =>
    hanging(`  ${fact.padEnd(10)}  `, known.get(fact) as string, columns),
  );
  const args = pairsOf(facts).find(([fact]) => fact === 'arguments')?.[1];
  const command = name.replaceAll('|', ' ').toUpperCase();
  const expected = args === undefined ? COMMAND_SYNTAX.get(command) : argumentsOf(args).join(' ');
  return [hanging('', [command, expected].filter(Boolean).join(' '), columns, '  '), ...rows].join('');
}

/** `text` behind `lead`, in as many rows as it needs. */
function hanging(lead: string, text: string, columns: number | null, indent = ' '.repeat(lead.length)): string {
  const rows = wrap(text, columns === null ? null : columns - Math.max(lead.length, indent.length));
  return rows.map((row, i) => `${i === 0 ? lead : indent}${row}\n`).join('');
}

/** 'key value [NX | XX]', of the arguments as COMMAND DOCS lists them. */
export function argumentsOf(list: Reply): string[] {
  if (!('items' in list)) return [];
  return list.items.map((item) => {
    const facts = new Map(pairsOf(item));
    const text = (fact: string): string => textOf(facts.get(fact) ?? NOTHING);
    const inner = argumentsOf(facts.get('arguments') ?? NOTHING);
    const kind = text('type');
    const words = kind === 'pure-token' ? '' : kind === 'oneof' ? inner.join(' | ') : inner.join(' ') || text('name');
    const flags = facts.get('flags') ?? NOTHING;
    const marks = 'items' in flags ? flags.items.map(textOf) : [];
    // An empty word can be the token: MIGRATE has it in place of a key.
    const token = facts.has('token') ? text('token') || '""' : '';
    const once = [token, words].filter(Boolean).join(' ');
    const again = marks.includes('multiple_token') ? once : words;
    const all = marks.includes('multiple') ? `${once} [${again} ...]` : once;
    if (marks.includes('optional')) return `[${all}]`;
    return kind === 'oneof' && inner.length > 1 ? `<${all}>` : all;
  });
}

const NOTHING: Reply = { type: 'nil', of: 'null' };

/** A map in RESP3 is a list of names and values in turn in RESP2. */
export function pairsOf(reply: Reply): [string, Reply][] {
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
