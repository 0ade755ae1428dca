import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asCommand } from '../../src/view/program.ts';
import { ROOT } from '../commands/rkv.ts';

describe('a flag that is suggested becomes the whole command that was typed', () => {
  test.each([
    ['cluster create', '--port 7100', 'rkv cluster create --port 7100'],
    ['cluster create blue --port 7000', '--port 7100', 'rkv cluster create blue --port 7100'],
    [
      'node add -p 7000 -q',
      '--port auto     # the next free one',
      'rkv node add -q --port auto     # the next free one',
    ],
    ['cluster create --port=7000', '--port auto', 'rkv cluster create --port auto'],
    ['node remove 7003', '--yes     # does it', 'rkv node remove 7003 --yes     # does it'],
    ['status h:1 --password secret', '--tls --cacert FILE', 'rkv status h:1 --password PASSWORD --tls --cacert FILE'],
    ['status h:1 -a secret', '-a PASSWORD     # or RKV_PASSWORD', 'rkv status h:1 -a PASSWORD     # or RKV_PASSWORD'],
    ['status h:1 --tls', '--tls --cacert FILE', 'rkv status h:1 --tls --cacert FILE'],
    ['cli -u http://x GET --tls', '--uri redis://h:1', 'rkv cli --uri redis://h:1 GET --tls'],
    ['create -c a=1 -c maxmemory', '--config maxmemory=100mb', 'rkv create -c a=1 --config maxmemory=100mb'],
    ['wait ready', 'rkv wait ok', 'rkv wait ok'],
    ['wait ready', 'look at the network', 'look at the network'],
  ])('rkv %s: %s is %s', (typed, advice, command) => {
    expect(asCommand(advice, typed.split(' '))).toBe(command);
  });

  test('words that a shell would take apart are quoted', () => {
    expect(asCommand('--yes', ['node', 'remove', "it's 7000"])).toBe("rkv node remove 'it'\\''s 7000' --yes");
  });
});

const PROGRAMS = /^(redis-cli|npm|apt|sudo|rm|kill|date|read|printf) ?/;
const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, { flags: Record<string, { char?: string }> }>;
};

test.each(suggestionsOfSources())('%s: %s can be pasted', (_, text) => {
  const [command = '', comment] = text.split(/ {2,}/);
  if (/^(rkv|--?[a-z])/.test(text) || PROGRAMS.test(text)) {
    if (comment !== undefined) expect(comment).toMatch(/^# /);
    expect(command).not.toMatch(/, | or | with | to /);
  }
  if (/^rkv (?!cli|X)/.test(text)) expect(unknownIn(command)).toEqual([]);
  // Anything else is prose, and names no flag that somebody would have to put into a command.
  if (!/^(rkv|--?[a-z])/.test(text) && !PROGRAMS.test(text)) expect(text).not.toMatch(/(^| )--?[a-z]/);
});

/** Words of a command of ours that it does not have. */
function unknownIn(command: string): string[] {
  const words = command
    .split(' ')
    .slice(1)
    .map((word) => word.replace(/(?<=[a-z])X+$/, ''));
  const ids = Object.keys(manifest.commands);
  const id = [`${words[0]}:${words[1]}`, `${words[0]}`, `cluster:${words[0]}`].find((one) => ids.includes(one));
  if (id === undefined) return words[0] === '--help' || words[0] === '--version' ? [] : [command];
  const known = ['--help', ...Object.keys(manifest.commands[id]!.flags).map((name) => `--${name}`)];
  return words.filter((word) => word.startsWith('--') && !known.includes(word));
}

/** Every text that stands in a list of suggestions in the sources, by its file. */
function suggestionsOfSources(): [string, string][] {
  const files = ['cluster', 'commands', '.'].flatMap((folder) =>
    readdirSync(join(ROOT, 'src', folder), { recursive: folder !== '.' })
      .map(String)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join('src', folder, name)),
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const lists = [...text.matchAll(/suggestions(?:: [^=,;()]*)?(?: = |: )/g)].map(({ index }) => listAt(text, index));
    const texts = lists.flatMap((list) => [...list.matchAll(/(['`])((?:\\.|(?!\1).)*)\1/gs)].map(([, , one]) => one!));
    const plain = texts.map((one) => one.replaceAll(/\$\{[^{}]*\}/g, 'X'));
    return plain.filter((one) => / |^-/.test(one) && !/^\s/.test(one)).map((one): [string, string] => [file, one]);
  });
}

/** From the word to the end of the list that follows it: the bracket that closes it, or the end of the line. */
function listAt(text: string, from: number): string {
  const line = text.slice(from, text.indexOf('\n', from));
  const open = line.indexOf('[');
  if (open === -1) return line;
  let depth = 0;
  for (let i = from + open; i < text.length; i++) {
    if (text[i] === '[') depth++;
    if (text[i] === ']' && --depth === 0) return text.slice(from + open, i);
  }
  return '';
}
