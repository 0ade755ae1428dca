/*
 * Replies as redis-cli prints them, byte for byte, so that what people know by heart and what scripts parse stays true.
 * Everything is built as latin1 text, where one character is one byte: values are bytes, not UTF-8.
 */
import type { Reply } from '../cluster/node/reply.ts';

/** `tty` numbers and quotes values for people, `raw` gives the bytes alone, `csv` one line per reply. */
export type ReplyStyle = 'tty' | 'raw' | 'csv';

export function formatReply(reply: Reply, style: ReplyStyle, { delimiter = '\n' } = {}): Buffer {
  if (style === 'tty') return Buffer.from(forPeople(reply, ''), 'latin1');
  if (style === 'csv') return Buffer.from(`${asCsv(reply)}\n`, 'latin1');
  return Buffer.from(`${asRaw(reply, Buffer.from(delimiter).toString('latin1'))}\n`, 'latin1');
}

/** Replies that are text for people to begin with; quoting them would only make them unreadable. */
export function repliesWithText(words: readonly string[]): boolean {
  const [name = '', sub = ''] = words.map((word) => word.toLowerCase());
  if (name === 'info' || name === 'lolwut') return true;
  return TEXT_SUBCOMMANDS.has(`${name} ${sub}`);
}

/** What `--json` puts into `result`: the nearest JSON value, text as UTF-8. */
export function replyToJson(reply: Reply): unknown {
  switch (reply.type) {
    case 'status':
    case 'bulk':
    case 'verbatim':
      return reply.bytes.toString('utf8');
    case 'error':
      return { error: reply.bytes.toString('utf8') };
    case 'integer':
    case 'double': {
      const value = Number(reply.text);
      // JSON has no infinity, and not every 64-bit integer survives a JavaScript number.
      const exact = Number.isFinite(value) && (reply.type === 'double' || Number.isSafeInteger(value));
      return exact ? value : reply.text;
    }
    case 'bignum':
      return reply.text;
    case 'boolean':
      return reply.value;
    case 'nil':
      return null;
    case 'map':
    case 'attribute':
      return Object.fromEntries(reply.pairs.map(([key, value]) => [keyText(key), replyToJson(value)]));
    default:
      return reply.items.map(replyToJson);
  }
}

/** Bytes between double quotes, with everything that is not printable ASCII escaped. */
function quoteBytes(bytes: Buffer): string {
  let text = '"';
  for (const byte of bytes) {
    const escaped = ESCAPES.get(byte);
    if (escaped !== undefined) text += escaped;
    else if (byte >= 0x20 && byte <= 0x7e) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `${text}"`;
}

const ESCAPES = new Map([
  [0x5c, '\\\\'],
  [0x22, '\\"'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x07, '\\a'],
  [0x08, '\\b'],
]);

const TEXT_SUBCOMMANDS = new Set([
  'cluster info',
  'cluster nodes',
  'client list',
  'client info',
  'memory malloc-stats',
  'memory doctor',
  'latency doctor',
  'latency graph',
  'debug htstats',
  'debug htstats-key',
]);

const EMPTY = { array: '(empty array)', set: '(empty set)', push: '(empty push)', map: '(empty hash)', attribute: '' };
/** A set and a map are told from an array by the sign after the index. */
const SIGNS = { array: ')', set: '~', push: ')', map: '#', attribute: '#' };

function forPeople(reply: Reply, indent: string): string {
  switch (reply.type) {
    case 'status':
    case 'verbatim':
      return `${latin1(reply.bytes)}\n`;
    case 'error':
      return `(error) ${latin1(reply.bytes)}\n`;
    case 'bulk':
      return `${quoteBytes(reply.bytes)}\n`;
    case 'integer':
    case 'double':
      return `(${reply.type}) ${reply.text}\n`;
    case 'bignum':
      return `(big number) ${reply.text}\n`;
    case 'boolean':
      return reply.value ? '(true)\n' : '(false)\n';
    case 'nil':
      return '(nil)\n';
    default:
      return listForPeople(reply, indent);
  }
}

type Aggregate = Extract<Reply, { items: unknown } | { pairs: unknown }>;

function listForPeople(reply: Aggregate, indent: string): string {
  const rows = 'pairs' in reply ? reply.pairs : reply.items.map((item) => [item] as const);
  if (rows.length === 0) return `${EMPTY[reply.type]}\n`;
  const width = String(rows.length).length;
  const inner = indent + ' '.repeat(width + 2);
  let text = '';
  rows.forEach(([first, second], i) => {
    // The caller has already written the indentation of the first row, as part of its own index.
    const lead = i === 0 ? '' : indent;
    text += `${lead}${String(i + 1).padStart(width)}${SIGNS[reply.type]} ${forPeople(first, inner)}`;
    if (second === undefined) return;
    const value = forPeople(second, inner);
    // A value of several lines starts on a line of its own.
    text = `${text.slice(0, -1)} => ${value.indexOf('\n') < value.length - 1 ? `\n${inner}` : ''}${value}`;
  });
  return text;
}

function asRaw(reply: Reply, delimiter: string): string {
  switch (reply.type) {
    case 'nil':
      return '';
    case 'error':
      // One more line end than other replies have: scripts have come to rely on the empty line.
      return `${latin1(reply.bytes)}\n`;
    case 'status':
    case 'bulk':
    case 'verbatim':
      return latin1(reply.bytes);
    case 'boolean':
      return reply.value ? '(true)' : '(false)';
    case 'map':
    case 'attribute':
      return reply.pairs.map((pair) => pair.map((half) => asRaw(half, delimiter)).join(' ')).join(delimiter);
    case 'array':
    case 'set':
    case 'push':
      return reply.items.map((item) => asRaw(item, delimiter)).join(delimiter);
    default:
      return reply.text;
  }
}

function asCsv(reply: Reply): string {
  switch (reply.type) {
    case 'nil':
      return 'NULL';
    case 'error':
      return `ERROR,${quoteBytes(reply.bytes)}`;
    case 'status':
    case 'bulk':
    case 'verbatim':
      return quoteBytes(reply.bytes);
    case 'boolean':
      return String(reply.value);
    case 'map':
    case 'attribute':
      return reply.pairs.map((pair) => pair.map(asCsv).join(',')).join(',');
    case 'array':
    case 'set':
    case 'push':
      return reply.items.map(asCsv).join(',');
    default:
      return reply.text;
  }
}

function keyText(key: Reply): string {
  const value = replyToJson(key);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}
