/*
 * What one command of `rkv cli` prints: redirections followed on the way, the reply, and for the commands that never
 * stop answering (SUBSCRIBE and its family, MONITOR) everything that comes until the link or the person ends it.
 */

import type { CliSession, Exchange } from '../cluster/cli/cli-session.ts';
import { type Address, formatAddress } from '../cluster/node/address.ts';
import type { Reply } from '../cluster/node/reply.ts';
import { formatReply, type ReplyStyle, repliesWithText } from './reply-text.ts';

export interface Printer {
  readonly style: ReplyStyle;
  /** Between the items of a raw reply. */
  readonly delimiter: string;
  /** Say where a redirection led. */
  readonly tellRedirects: boolean;
  write(bytes: Buffer | string): void;
  /** What is no reply: a link that was lost. */
  complain(text: string): void;
}

export async function printExchange(
  session: CliSession,
  words: readonly Buffer[],
  printer: Printer,
): Promise<{ reply: Reply }> {
  const streams = keepsAnswering(words);
  const exchange = await session.exchange(words);
  if (printer.tellRedirects) tellRedirects(exchange, printer);
  if (exchange.leftTransaction !== null) tellLeftTransaction(exchange.leftTransaction, session, printer);
  // Not before the answer: a server may not have the command.
  if (streams && printer.style === 'tty' && exchange.reply.type !== 'error') {
    printer.write('Reading messages... (press Ctrl-C to quit)\n');
  }
  printer.write(formatFor(words, exchange.reply, printer));
  if (streams && exchange.reply.type !== 'error') await session.whenClosed();
  return exchange;
}

/** A message that nobody asked for: printed as a reply, in the style of the others. */
export function printUnasked(reply: Reply, printer: Printer): void {
  printer.write(formatReply(reply, printer.style, printer));
}

function tellRedirects({ redirects }: Exchange, printer: Printer): void {
  for (const { slot, to } of redirects) {
    printer.write(`-> Redirected to slot [${slot}] located at ${formatAddress(to)}\n`);
  }
}

/** Not a part of the reply: what reads that is to get what redis-cli would print. */
function tellLeftTransaction(left: Address, { address }: CliSession, { complain }: Printer): void {
  const [from, to] = [formatAddress(left), formatAddress(address)];
  complain(
    `Warning: the redirection ended the transaction on ${from}: what was queued there is discarded, and this command ran` +
      ` on ${to} by itself. The keys of a transaction must be of one node; a {tag} in their names keeps them together.\n`,
  );
}

function formatFor(words: readonly Buffer[], reply: Reply, { style, delimiter }: Printer): Buffer {
  if (!repliesWithText(words.map((word) => word.toString('latin1')))) return formatReply(reply, style, { delimiter });
  const text = 'bytes' in reply ? reply.bytes : formatReply(reply, 'raw');
  // Text that ends its own last line gets no second line end.
  return text.at(-1) === 0x0a ? text : Buffer.concat([text, Buffer.from('\n')]);
}

/** SHUTDOWN is answered by the end of the connection. */
export function endsServer(words: readonly Buffer[]): boolean {
  return /^shutdown$/i.test(words[0]?.toString('latin1') ?? '');
}

function keepsAnswering(words: readonly Buffer[]): boolean {
  return /^(monitor|[ps]?subscribe|sync|psync)$/i.test(words[0]?.toString('latin1') ?? '');
}
