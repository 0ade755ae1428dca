/*
 * The prompt of `rkv cli`: lines of a terminal, each a command. Plain lines of a pipe go the same way without prompt and
 * history, so that a file of commands can be fed in.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { toByteText } from '../base/byte-text.ts';
import { type CliSession, isConnectionError } from '../cluster/cli/cli-session.ts';
import { splitWords } from '../cluster/cli/split-words.ts';
import { parseAddress } from '../cluster/node/address.ts';
import { helpText } from './command-help.ts';
import { endsServer, type Printer, printExchange } from './exchange.ts';
import { showHints } from './hint.ts';

export interface Prompted {
  readonly session: CliSession;
  readonly printer: Printer;
  /** Aborted when the person wants out. */
  readonly signal: AbortSignal;
}

/** Lines kept for the arrow keys, in memory and in the file. */
const HISTORY_MAX = 1000;

/** Commands from a stream, one a line, until it ends or says quit. Answers what went wrong among them. */
export async function runLines(
  input: NodeJS.ReadableStream,
  { session, printer, signal }: Prompted,
): Promise<{ failed: boolean; lost: boolean }> {
  // Lines are byte texts: what is piped in need not be UTF-8.
  input.setEncoding('latin1');
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  // A subscription ends with its link; without this, Ctrl-C would wait for a message.
  signal.addEventListener('abort', () => session.close(), { once: true });
  let failed = false;
  let lost = false;
  for await (const line of lines) {
    if (signal.aborted) break;
    const outcome = await runLine(line, { session, printer });
    if (outcome === 'quit') break;
    failed ||= outcome === 'error';
    lost ||= outcome === 'lost';
  }
  lines.close();
  return { failed, lost };
}

export interface PromptOptions {
  /** null keeps none. */
  readonly historyFile: string | null;
  /** The arguments of commands are shown while they are typed. */
  readonly hints: boolean;
}

export async function runPrompt(
  { session, printer, signal }: Prompted,
  { historyFile, hints }: PromptOptions,
): Promise<void> {
  const history = readHistory(historyFile);
  let isRunning = false;
  let showHint = (): void => {};
  const prompt = createInterface({
    input: process.stdin,
    output: process.stdout,
    history: [...history],
    historySize: HISTORY_MAX,
    removeHistoryDuplicates: true,
    completer: makeCompleter(session, { isAtPrompt: () => !isRunning, completed: () => showHint() }),
  });
  if (hints) {
    let names: readonly string[] | null = null;
    // Before anything that is typed, so that it never is a part of a transaction. Not waited for: a server may be slow.
    commandNames(session).then(
      (all) => {
        names = all;
      },
      () => {},
    );
    const isAtPrompt = (): boolean => !isRunning;
    showHint = showHints(prompt, { input: process.stdin, output: process.stdout, isAtPrompt, names: () => names });
  }
  prompt.on('SIGINT', () => {
    // While a command runs Ctrl-C ends it, which is how a subscription is left; at the prompt it clears what is typed,
    // and leaves where nothing is.
    if (isRunning) session.close();
    else if (prompt.line === '') prompt.close();
    else clearTyped(prompt);
  });
  signal.addEventListener('abort', () => prompt.close(), { once: true });
  const lines = queueLines(prompt);
  try {
    for (;;) {
      prompt.setPrompt(promptText(session));
      prompt.prompt();
      const line = await lines.next();
      if (line === null) break;
      if (line.trim() !== '' && !isSecret(line)) history.unshift(line);
      isRunning = true;
      const outcome = await runLine(toByteText(line), { session, printer });
      isRunning = false;
      if (outcome === 'quit') break;
      // A subscription was left by closing its link. Where the server is gone, the prompt says so.
      if (!session.connected) await session.connect().catch(() => {});
    }
  } finally {
    prompt.close();
    writeHistory(historyFile, history);
  }
}

function clearTyped(prompt: Interface): void {
  prompt.write(null, { ctrl: true, name: 'e' });
  prompt.write(null, { ctrl: true, name: 'u' });
  prompt.prompt();
}

/** '127.0.0.1:7000[2](TX)> ', as people know it. */
export function promptText(session: Pick<CliSession, 'connected' | 'place' | 'db' | 'inTransaction'>): string {
  if (!session.connected) return 'not connected> ';
  const db = session.db === 0 ? '' : `[${session.db}]`;
  return `${session.place}${db}${session.inTransaction ? '(TX)' : ''}> `;
}

/** Lines with a password in them do not go into a file. */
export function isSecret(line: string): boolean {
  return /^\s*(auth\b|hello\b.*\bauth\b|acl\s+setuser\b|config\s+set\b.*(requirepass|masterauth|masteruser|key-file-pass)|migrate\b.*\bauth2?\b)/i.test(
    line,
  );
}

type Outcome = 'done' | 'error' | 'lost' | 'quit';

async function runLine(line: string, { session, printer }: Pick<Prompted, 'session' | 'printer'>): Promise<Outcome> {
  const words = splitWords(line);
  if (words === null) {
    printer.write('Invalid argument(s)\n');
    return 'done';
  }
  const first = words[0]?.toString('latin1').toLowerCase() ?? '';
  if (first === '') return 'done';
  if (first === 'quit' || first === 'exit') return 'quit';
  if (first === 'clear' && words.length === 1) {
    printer.write('\x1b[H\x1b[2J');
    return 'done';
  }
  if (first === 'connect') return moveTo(session, words.slice(1), printer);
  try {
    if (first !== 'help' && first !== '?') return await runRepeated(words, { session, printer });
    printer.write(await helpText(session, words.slice(1).map(String), process.stdout.columns ?? null));
    return 'done';
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    if (endsServer(words)) return 'done';
    printer.complain(`Error: ${session.place}: ${error.message}\n`);
    return 'lost';
  }
}

/** '5 incr counter' runs a command five times. */
async function runRepeated(
  words: readonly Buffer[],
  { session, printer }: Pick<Prompted, 'session' | 'printer'>,
): Promise<Outcome> {
  const isRepeated = words.length > 1 && /^[1-9]\d{0,8}$/.test(String(words[0]));
  const command = isRepeated ? words.slice(1) : words;
  const times = isRepeated ? Number(words[0]) : 1;
  let failed = false;
  for (let done = 0; done < times; done++) {
    const { reply } = await printExchange(session, command, printer);
    failed ||= reply.type === 'error';
  }
  return failed ? 'error' : 'done';
}

async function moveTo(session: CliSession, words: readonly Buffer[], printer: Printer): Promise<Outcome> {
  const [host, port] = words.map((word) => word.toString());
  if (host === undefined) {
    printer.write('connect needs an address: connect HOST PORT\n');
    return 'done';
  }
  try {
    await session.goTo(parseAddress(port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`));
    return 'done';
  } catch (error) {
    printer.complain(`Could not connect to Redis at ${session.place}: ${(error as Error).message}\n`);
    return 'lost';
  }
}

/** Lines one by one, also those that are typed or pasted while a command runs. Null when the person is done. */
function queueLines(prompt: Interface): { next(): Promise<string | null> } {
  const typed: string[] = [];
  let isClosed = false;
  let wake: () => void = () => {};
  prompt.on('line', (line) => {
    typed.push(line);
    wake();
  });
  prompt.on('close', () => {
    isClosed = true;
    wake();
  });
  return {
    async next() {
      while (typed.length === 0 && !isClosed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return typed.shift() ?? null;
    },
  };
}

interface Completing {
  /** Nothing runs that the question for names would have to wait for. */
  readonly isAtPrompt: () => boolean;
  readonly completed: () => void;
}

/** Names of commands and subcommands, asked of the server once: what it knows is what can be completed. */
function makeCompleter(session: CliSession, { isAtPrompt, completed }: Completing) {
  let names: readonly string[] | null = null;
  const known = async (): Promise<readonly string[]> => {
    // In a transaction the question would become a part of it.
    if (names === null && session.connected && !session.inTransaction && isAtPrompt())
      names = await commandNames(session);
    return names ?? [];
  };
  return (line: string, answer: (error: Error | null, result: [string[], string]) => void): void => {
    known()
      .catch(() => [])
      .then((all) => {
        answer(null, [completions(line, all), line]);
        completed();
      });
  };
}

/** The names, 'config' and 'config|get', that `line` may become: subcommands once their container is typed. */
function completions(line: string, names: readonly string[]): string[] {
  const typed = line.toLowerCase();
  const isUpper = line === line.toUpperCase();
  const depth = typed.split(' ').length;
  return names
    .map((name) => name.split('|'))
    .filter((words) => words.length === depth && words.join(' ').startsWith(typed))
    .map((words) => (isUpper ? words.join(' ').toUpperCase() : words.join(' ')))
    .sort();
}

/** null where the server does not tell. */
async function commandNames(session: CliSession): Promise<readonly string[] | null> {
  // Without a filter the list has no subcommands.
  const { reply } = await session.exchange(['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', '*']);
  if (reply.type !== 'array') return null;
  return reply.items.flatMap((item) => (item.type === 'bulk' ? [item.bytes.toString('latin1').toLowerCase()] : []));
}

function readHistory(file: string | null): string[] {
  if (file === null || !existsSync(file)) return [];
  // Newest first, as readline wants it; the file is in the order of typing.
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).slice(-HISTORY_MAX).reverse();
}

function writeHistory(file: string | null, history: readonly string[]): void {
  if (file === null) return;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${history.slice(0, HISTORY_MAX).toReversed().join('\n')}\n`, { mode: 0o600 });
  } catch {
    // A history that cannot be kept is no reason to end a session with an error.
  }
}
