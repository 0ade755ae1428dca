/*
 * How a replica introduces itself to its primary (spec: replication.md, section 2), as a pure machine: bytes of the
 * primary in, actions out. It ends when the primary continues our stream, or has announced the bytes of an RDB; what
 * follows in the same read belongs to that, and is in `rest`.
 *
 *   ping -> introduce (AUTH and REPLCONFs, sent in one go, answered one by one) -> psync -> done
 *                                                                                 psync -> announcement -> done
 */

import type { RdbForm } from './rdb-transfer.ts';

export interface HandshakeOptions {
  /** Empty: no AUTH. */
  readonly password: string;
  readonly user: string;
  /** Where clients find this replica. */
  readonly port: number;
  /** Empty: the address that the primary sees. */
  readonly announceIp: string;
  /** What we have: the history and how many bytes of it; null when it is worth nothing. */
  readonly history: { readonly id: string; readonly offset: number } | null;
}

export type HandshakeAction =
  | { readonly type: 'send'; readonly bytes: Buffer }
  | { readonly type: 'log'; readonly level: 'notice' | 'warning'; readonly text: string }
  /** The stream goes on where ours ended; `id` when the history has a new name. */
  | { readonly type: 'continue'; readonly id: string | null }
  /** A whole data set will come, of this point of the stream; nobody knows which from a primary that knows SYNC only. */
  | { readonly type: 'fullSync'; readonly point: { readonly id: string; readonly offset: number } | null }
  /** The bytes of the RDB begin here. */
  | { readonly type: 'rdb'; readonly form: RdbForm }
  /** No sync now; the link is to be closed, and tried again later. */
  | { readonly type: 'giveUp'; readonly why: string };

type Phase = 'ping' | 'introduce' | 'psync' | 'announcement' | 'done';
type Question = 'AUTH' | 'REPLCONF listening-port' | 'REPLCONF ip-address' | 'REPLCONF capa';

const LINE_MAX = 64 * 1024;
const MARK_BYTES = 40;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

export class Handshake {
  readonly #options: HandshakeOptions;
  #phase: Phase = 'ping';
  /** Questions that are not answered yet, in order. */
  #asked: Question[] = [];
  #held: Buffer = EMPTY;
  #actions: HandshakeAction[] = [];

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  get done(): boolean {
    return this.#phase === 'done';
  }

  /** What to do once the connection is there. */
  begin(): HandshakeAction[] {
    return [{ type: 'send', bytes: request('PING') }];
  }

  feed(chunk: Buffer): HandshakeAction[] {
    this.#actions = [];
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    while (this.#phase !== 'done') {
      const end = this.#held.indexOf(LF);
      if (end < 0) {
        if (this.#held.length > LINE_MAX) this.#giveUp('The primary sent an endless line');
        break;
      }
      const line = this.#held.latin1Slice(0, end).replace(/\r$/, '');
      this.#held = this.#held.subarray(end + 1);
      // Bare line ends keep the link alive while the primary makes its snapshot.
      if (line !== '') this.#take(line);
    }
    return this.#actions;
  }

  /** What came behind the handshake. */
  rest(): Buffer {
    return this.#held;
  }

  #take(line: string): void {
    switch (this.#phase) {
      case 'ping':
        return this.#takePong(line);
      case 'introduce':
        return this.#takeAnswer(line);
      case 'psync':
        return this.#takePsync(line);
      default:
        return this.#takeAnnouncement(line);
    }
  }

  #takePong(line: string): void {
    const mayGoOn = line.startsWith('+') || /^-(NOAUTH|NOPERM|ERR operation not permitted)/.test(line);
    if (!mayGoOn) return this.#giveUp(`Error reply to PING from master: '${line}'`);
    this.#log('notice', 'Master replied to PING, replication can continue...');
    const { password, user, port, announceIp } = this.#options;
    const messages: Buffer[] = [];
    const ask = (question: Question, ...args: string[]): void => {
      this.#asked.push(question);
      messages.push(request(...args));
    };
    if (password !== '') ask('AUTH', 'AUTH', ...(user === '' ? [password] : [user, password]));
    ask('REPLCONF listening-port', 'REPLCONF', 'listening-port', String(port));
    if (announceIp !== '') ask('REPLCONF ip-address', 'REPLCONF', 'ip-address', announceIp);
    ask('REPLCONF capa', 'REPLCONF', 'capa', 'eof', 'capa', 'psync2');
    this.#phase = 'introduce';
    this.#send(Buffer.concat(messages));
  }

  #takeAnswer(line: string): void {
    const question = this.#asked.shift()!;
    if (line.startsWith('-')) {
      if (question === 'AUTH') return this.#giveUp(`Unable to AUTH to MASTER: ${line}`);
      // An older primary may not know the question, which costs no more than what it is about.
      this.#log('notice', `(Non critical) Master does not understand ${question}: ${line}`);
    }
    if (this.#asked.length > 0) return;
    const { history } = this.#options;
    if (history === null) this.#log('notice', 'Partial resynchronization not possible (no cached master)');
    else this.#log('notice', `Trying a partial resynchronization (request ${history.id}:${history.offset + 1}).`);
    this.#phase = 'psync';
    this.#send(request('PSYNC', history?.id ?? '?', history === null ? '-1' : String(history.offset + 1)));
  }

  #takePsync(line: string): void {
    const full = /^\+FULLRESYNC ([0-9a-zA-Z]{40}) (\d+)$/.exec(line);
    if (full !== null) {
      this.#log('notice', `Full resync from master: ${full[1]}:${full[2]}`);
      return this.#expectRdb({ id: full[1]!, offset: Number(full[2]) });
    }
    const goOn = /^\+CONTINUE(?: ([0-9a-zA-Z]{40}))?$/.exec(line);
    if (goOn !== null) {
      this.#phase = 'done';
      this.#actions.push({ type: 'continue', id: goOn[1] ?? null });
      return;
    }
    if (/^-(NOMASTERLINK|LOADING)/.test(line)) {
      return this.#giveUp(`Master is currently unable to PSYNC but should be in the future: ${line}`);
    }
    if (line.startsWith('+FULLRESYNC')) return this.#giveUp(`Master replied with wrong +FULLRESYNC syntax: ${line}`);
    this.#log('notice', `Master does not support PSYNC or is in error state (reply: ${line}), retrying with SYNC...`);
    this.#send(Buffer.from('SYNC\r\n'));
    this.#expectRdb(null);
  }

  #expectRdb(point: { id: string; offset: number } | null): void {
    this.#phase = 'announcement';
    this.#actions.push({ type: 'fullSync', point });
  }

  #takeAnnouncement(line: string): void {
    if (line.startsWith('-')) return this.#giveUp(`MASTER aborted replication with an error: ${line}`);
    const length = /^\$(\d+)$/.exec(line);
    const mark = line.startsWith('$EOF:') ? Buffer.from(line.slice('$EOF:'.length), 'latin1') : null;
    if (length === null && (mark === null || mark.length < MARK_BYTES)) {
      return this.#giveUp(
        `Bad protocol from MASTER, the first byte is not '$' (we received '${line.slice(0, 80)}'), are you sure the host and port are right?`,
      );
    }
    this.#phase = 'done';
    const form: RdbForm = length === null ? { mark: mark!.subarray(0, MARK_BYTES) } : { length: Number(length[1]) };
    this.#actions.push({ type: 'rdb', form });
  }

  #giveUp(why: string): void {
    this.#phase = 'done';
    this.#held = EMPTY;
    this.#actions.push({ type: 'giveUp', why });
  }

  #send(bytes: Buffer): void {
    this.#actions.push({ type: 'send', bytes });
  }

  #log(level: 'notice' | 'warning', text: string): void {
    this.#actions.push({ type: 'log', level, text });
  }
}

/** A command as bytes; text is one character a byte. */
export function request(...args: readonly string[]): Buffer {
  return Buffer.from(`*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`, 'latin1');
}
