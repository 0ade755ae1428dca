import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT } from '../../src/cluster/run/failure.ts';
import { chapters, exitCodes, results, shapes } from './cli-chapters.ts';
import { code, GENERATED, plain, table } from './markdown.ts';

/* docs/cli.md: every command of the command line, from the classes they are declared in. */

interface Flag {
  readonly type: 'boolean' | 'option';
  readonly char?: string;
  readonly summary?: string;
  readonly helpValue?: string;
  readonly helpGroup?: string;
  readonly env?: string;
  readonly options?: readonly string[];
  readonly allowNo?: boolean;
  readonly hidden?: boolean;
  readonly default?: unknown;
  readonly defaultHelp?: () => Promise<string>;
}

interface Arg {
  readonly description?: string;
  readonly required?: boolean;
}

interface CommandClass {
  readonly summary: string;
  readonly description: string;
  readonly usage?: string;
  readonly strict?: boolean;
  readonly aliases?: readonly string[];
  readonly examples?: readonly (string | { description: string; command: string })[];
  readonly args?: Readonly<Record<string, Arg>>;
  readonly flags?: Readonly<Record<string, Flag>>;
  readonly baseFlags?: Readonly<Record<string, Flag>>;
}

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'src/commands');

export async function cliPage(captureOf: (name: string) => string): Promise<string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const names = files.map((file) => file.replace(/\.ts$/, '').replaceAll('\\', '/').replaceAll('/', ' ')).sort();
  const commands = new Map<string, CommandClass>();
  for (const name of names) commands.set(name, await load(name));
  const contents = names.map((name) => `[${name}](#rkv-${name.replaceAll(' ', '-')})`).join(' · ');
  const sections = await Promise.all([...commands].map(([name, command]) => section(name, command)));
  return `${GENERATED}

# Command line

**Commands**: ${contents}

**For all of them**: [Flags of every command](#flags-of-every-command) · [Environment variables](#environment-variables) ·
[Exit codes](#exit-codes) · [Selectors](#selectors) · [Conditions](#conditions) ·
[TLS and passwords](#tls-and-passwords) · [JSON](#json) ·
[Troubleshooting](#troubleshooting)

${sections.join('\n')}
## Flags of every command

${await flagTable(baseFlags(commands))}
${chapters.environment}
## Exit codes

${table(
  ['Code', 'Meaning'],
  Object.entries(EXIT).map(([name, exit]) => [`${exit}`, plain(exitCodes[name as keyof typeof EXIT])]),
)}
${chapters.selectors}
${chapters.conditions}
${chapters.tls}
${chapters.json}
${shapes.map(({ file, names }) => names.map((name) => shapeOf(file, name)).join('\n')).join('\n')}
${chapters.troubleshooting}
A port that is taken:

\`\`\`
${captureOf('create-port-taken').trimEnd()}
\`\`\`

A primary that was lost:

\`\`\`
${captureOf('verify-after-a-loss').trimEnd()}
\`\`\`
`;
}

async function load(name: string): Promise<CommandClass> {
  const file = join(folder, `${name.replaceAll(' ', '/')}.ts`);
  const module = (await import(pathToFileURL(file).href)) as { default: CommandClass };
  return module.default;
}

async function section(name: string, command: CommandClass): Promise<string> {
  const args = Object.entries(command.args ?? {});
  const usage = command.usage ?? `${name} ${args.map((one) => usageOf(one, command)).join(' ')} [FLAGS]`;
  const alias = command.aliases?.length ? ` Also \`rkv ${command.aliases.join('`, `rkv ')}\`.` : '';
  const argTable = args.map(([arg, { description = '' }]) => [code(arg.toUpperCase()), plain(description)]);
  const flags = Object.entries(command.flags ?? {});
  return [
    `## rkv ${name}\n\n${sentence(command.summary)}${alias}\n\n\`\`\`\nrkv ${usage.replaceAll(/ +/g, ' ')}\n\`\`\`\n`,
    `${escapeProse(command.description)}\n`,
    ...(args.length > 0 ? [table(['Argument', 'Meaning'], argTable)] : []),
    ...(flags.length > 0 ? [await flagTable(command.flags ?? {})] : []),
    `\`\`\`\n${(command.examples ?? []).map(exampleText).join('\n')}\n\`\`\`\n`,
    ...(results[name] === undefined ? [] : [`Result with \`--json\`: ${code(results[name])}\n`]),
  ].join('\n');
}

function usageOf([name, { required }]: [string, Arg], { strict }: CommandClass): string {
  const word = `${name.toUpperCase()}${strict === false ? '…' : ''}`;
  return required ? word : `[${word}]`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function escapeProse(text: string): string {
  return text.replace(/[<>*|]/g, '\\$&');
}

function exampleText(example: string | { description: string; command: string }): string {
  const { description, command } = typeof example === 'string' ? { description: '', command: example } : example;
  return `${description === '' ? '' : `# ${description}\n`}${command.replaceAll('<%= config.bin %>', 'rkv')}`;
}

function baseFlags(commands: ReadonlyMap<string, CommandClass>): Readonly<Record<string, Flag>> {
  return [...commands.values()][0]?.baseFlags ?? {};
}

async function flagTable(flags: Readonly<Record<string, Flag>>): Promise<string> {
  const shown = Object.entries(flags).filter(([, flag]) => flag.hidden !== true);
  const rows = await Promise.all(shown.map(([name, flag]) => flagRow(name, flag)));
  return table(['Flag', 'Default', 'Meaning'], rows);
}

async function flagRow(name: string, flag: Flag): Promise<string[]> {
  const value = flag.type === 'boolean' ? '' : ` ${flag.options?.join('|') ?? flag.helpValue ?? 'VALUE'}`;
  const long = `--${flag.allowNo ? '[no-]' : ''}${name}${value}`;
  const env = flag.env === undefined ? '' : ` (${code(flag.env)})`;
  return [
    code(flag.char === undefined ? long : `-${flag.char}, ${long}`),
    (await flag.defaultHelp?.()) ?? (['string', 'number'].includes(typeof flag.default) ? `${flag.default}` : ''),
    `${plain(flag.summary ?? '')}${env}`,
  ];
}

/** A shape as its declaration has it, so that the page cannot say anything else. */
function shapeOf(file: string, name: string): string {
  const source = readFileSync(join(root, 'src/cluster', file), 'utf8');
  const found = new RegExp(`(interface ${name} \\{[\\s\\S]*?\\n\\}|type ${name} =[\\s\\S]*?\\n\\};)`).exec(source);
  const declared = found?.[1];
  if (declared === undefined) throw new Error(`src/cluster/${file} declares no ${name}`);
  return `\`\`\`ts\n${declared.replaceAll('readonly ', '')}\n\`\`\`\n`;
}
