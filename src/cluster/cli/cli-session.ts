/*
 * A conversation with one server, or with a whole cluster: where we are, who we are there, which database, whether a
 * transaction is open. In cluster mode a MOVED or ASK moves the conversation to the node it names, as redis-cli -c
 * does; links to nodes already visited stay open, so a load of keys all over the slots does not reconnect every time.
 */

import { type Address, formatAddress } from '../node/address.ts';
import { ConnectionError, RawClient, type RawTls } from '../node/raw-client.ts';
import type { Reply } from '../node/reply.ts';
import { CliFailure, EXIT } from '../run/failure.ts';

export interface SessionOptions extends Address {
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
  readonly protocol: 2 | 3;
  readonly tls?: RawTls | undefined;
  /** Follow MOVED and ASK. */
  readonly cluster: boolean;
  readonly connectTimeout_ms: number;
  /** The server has to answer within that time, too: one that is frozen takes connections. */
  readonly mustAnswer?: boolean;
  readonly onUnasked?: (reply: Reply) => void;
  /** What the server refused while the link was made: AUTH or HELLO failed. A refused SELECT ends it. */
  readonly onNotice?: (text: string) => void;
}

export interface Redirect {
  readonly slot: number;
  readonly to: Address;
}

export interface Exchange {
  readonly reply: Reply;
  readonly redirects: readonly Redirect[];
  /** Where a transaction was open that a redirection ended. */
  readonly leftTransaction: Address | null;
}

/** More hops than a cluster in motion needs; two nodes that point at each other would go on for ever. */
const REDIRECTS_MAX = 16;

export class CliSession {
  readonly #options: SessionOptions;
  readonly #links = new Map<string, RawClient>();
  /** The addresses of the links. */
  readonly #places = new Map<string, Address>();
  #at: Address;
  #db: number;
  #inTransaction = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#at = { host: options.host, port: options.port };
    this.#db = options.db;
  }

  get address(): Address {
    return this.#at;
  }

  get db(): number {
    return this.#db;
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  get connected(): boolean {
    return this.#links.get(this.#key)?.closed === false;
  }

  /** Words for a prompt or a message: where we are, or would be. */
  get place(): string {
    return this.#options.path ?? formatAddress(this.#at);
  }

  /** Moves the conversation to another server; what was said before is forgotten. */
  async goTo(address: Address): Promise<void> {
    this.close();
    this.#at = address;
    await this.connect();
  }

  async connect(): Promise<RawClient> {
    const known = this.#links.get(this.#key);
    if (known !== undefined && !known.closed) return known;
    const { path, tls, connectTimeout_ms, onUnasked } = this.#options;
    const link = await RawClient.connect({
      ...this.#at,
      path,
      tls,
      connectTimeout_ms,
      ...(onUnasked === undefined ? {} : { onUnasked }),
    });
    this.#inTransaction = false;
    await this.#introduceInTime(link);
    this.#links.set(this.#key, link);
    this.#places.set(this.#key, this.#at);
    return link;
  }

  /** One command, wherever it leads. An error reply is an answer; only a lost link throws. */
  async exchange(words: readonly (string | Buffer)[]): Promise<Exchange> {
    const redirects: Redirect[] = [];
    let leftTransaction: Address | null = null;
    await this.#reachAnyone();
    for (;;) {
      const link = await this.connect();
      const reply = await link.send(words);
      const redirect = this.#options.cluster ? readRedirect(reply, this.#at) : null;
      if (redirect === null || redirects.length >= REDIRECTS_MAX) {
        this.#remember(words, reply);
        return { reply, redirects, leftTransaction };
      }
      redirects.push(redirect);
      // The one link of redis-cli ends here, and a transaction with it. Left open, it would queue what comes back later.
      if (this.#inTransaction) {
        link.close();
        leftTransaction = this.#at;
      }
      this.#inTransaction = false;
      this.#at = redirect.to;
      // ASKING holds for the next command of the same link only, so both go out together.
      if (redirect.asking) await (await this.connect()).send(['ASKING']);
    }
  }

  /** The link of the place where we are, for whoever waits until a subscription ends. */
  whenClosed(): Promise<void> {
    return this.#links.get(this.#key)?.whenClosed() ?? Promise.resolve();
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /** In a cluster any node leads on: when the one where we are is gone, one that was visited before will do. */
  async #reachAnyone(): Promise<void> {
    try {
      await this.connect();
    } catch (error) {
      const [other] = [...this.#places].filter(([place]) => this.#links.get(place)?.closed === false);
      if (!this.#options.cluster || other === undefined) throw error;
      this.#at = other[1];
    }
  }

  get #key(): string {
    return this.place;
  }

  async #introduceInTime(link: RawClient): Promise<void> {
    const { connectTimeout_ms, mustAnswer = false } = this.#options;
    if (!mustAnswer) return await this.#introduce(link);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ConnectionError('no answer in time')), connectTimeout_ms);
    });
    try {
      // Whatever it answers, it answers.
      await Promise.race([this.#introduce(link).then(() => link.send(['PING'])), late]);
    } catch (error) {
      link.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #introduce(link: RawClient): Promise<void> {
    const { username, password, protocol, onNotice } = this.#options;
    if (password !== undefined) {
      const reply = await link.send(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
      if (reply.type === 'error') onNotice?.(`AUTH failed: ${reply.bytes.toString()}`);
    }
    if (protocol === 3) {
      const reply = await link.send(['HELLO', '3']);
      if (reply.type === 'error') onNotice?.(`HELLO 3 failed: ${reply.bytes.toString()}`);
    }
    if (this.#db !== 0) {
      const reply = await link.send(['SELECT', String(this.#db)]);
      // What follows was meant for that database and for no other.
      if (reply.type === 'error') throw notSelected(link, this.#db, reply.bytes.toString());
    }
  }

  /** The prompt shows the database and an open transaction; the server tells neither unless asked. */
  #remember(words: readonly (string | Buffer)[], reply: Reply): void {
    const name = String(words[0] ?? '').toUpperCase();
    if (name === 'EXEC' || name === 'DISCARD' || name === 'RESET') this.#inTransaction = false;
    if (reply.type === 'error') return;
    if (name === 'MULTI') this.#inTransaction = true;
    if (name === 'SELECT' && !this.#inTransaction) this.#db = Number(words[1]) || 0;
    if (name === 'RESET') this.#db = 0;
  }
}

function notSelected(link: RawClient, db: number, why: string): CliFailure {
  link.close();
  return new CliFailure(`cannot select database ${db}`, { code: 'NO_DATABASE', exit: EXIT.unexpected, why });
}

export function isConnectionError(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError;
}

/** 'MOVED 3999 127.0.0.1:6381' and 'ASK 3999 :6381'; without a host the node that answered is meant. */
function readRedirect(reply: Reply, at: Address): (Redirect & { asking: boolean }) | null {
  if (reply.type !== 'error') return null;
  const match = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(reply.bytes.toString('latin1'));
  if (match === null) return null;
  const host = match[3] === '' || match[3] === '?' ? at.host : (match[3] as string);
  return { asking: match[1] === 'ASK', slot: Number(match[2]), to: { host, port: Number(match[4]) } };
}
