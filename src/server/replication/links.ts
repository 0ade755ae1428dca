/*
 * Replication as the rest of the server sees it: which role we have, who follows us, whom we follow (spec:
 * replication.md). A primary makes the stream of the effects of its commands; a replica passes on the bytes of its
 * primary's stream as they are, so that all servers of a chain count the same bytes.
 *
 * Invariants:
 * (1) `replication.offset` is the offset of the last byte of the stream that the data set contains; it moves with it.
 * (2) A history (id, offset) is asked for again only while (1) holds for it: not after a command that was not carried out.
 * (3) `replication.id` changes whenever the stream may go on differently from what others in this history will see.
 * (4) Data gives way to other data only as a whole: a full copy that breaks off leaves (1) and (2) as they were.
 * (5) A replica may become its shard's primary only with data of this shard that was complete once, and that no command
 *     is missing from which the others have: `whyUnfit`.
 */

import { randomHex } from '../../base/prng.ts';
import type { ReplicationPoint } from '../persistence/rdb-writer.ts';
import { request } from './handshake.ts';
import type { Address, Peer, Refusal, ReplicationHost } from './host.ts';
import { type LinkEvents, PrimaryLink } from './primary-link.ts';
import { type Introduction, type ReplicaFacts, Replicas, type Wanted } from './replicas.ts';
import { NO_HISTORY } from './replication.ts';
import { Waits } from './waits.ts';

const PING = request('ping');
const GETACK = request('REPLCONF', 'GETACK', '*');
const SECOND_MS = 1000;

export class ReplicationLinks {
  readonly #host: ReplicationHost;
  readonly #replicas: Replicas;
  readonly #waits = new Waits();
  #link: PrimaryLink | null = null;
  /** Invariant (2). */
  #continuable = true;
  /** Invariant (5). */
  #hasData = true;
  #refusal: Refusal | null = null;
  /** Monotonic, like all times here; null when the link is up, and when there never was one. */
  #downSince_ms: number | null = null;
  #pinged_ms = 0;
  #pingWanted = false;
  /** A replica has said what it has, since the waits were looked at. */
  #acknowledged = false;
  /** The shutdown that waits until every replica has the stream up to here: what commands have put into it. */
  #catchingUp: { offset: number; readonly served: () => void } | null = null;
  #counted_ms = 0;
  /** Where the stream of the present link began. */
  #streamStart = 0;

  constructor(host: ReplicationHost) {
    this.#host = host;
    this.#replicas = new Replicas(host);
  }

  // Starting and ending.

  /** Before the data is loaded: a replica loads it differently. */
  prepare(primary: Address | null): void {
    this.#setRole(primary === null ? 'primary' : 'replica');
    if (primary !== null) this.#link = new PrimaryLink(this.#host, primary, this.#events());
  }

  /** The data of the last run is coming in, and there is not all of it: clients have to wait. */
  setLoading(loading: boolean): void {
    this.#host.setLoading(loading);
  }

  /**
   * The RDB that was loaded says (in its aux fields) where in which stream it belongs: a restart goes on from there. A log
   * says nothing of that; data that is there was complete all the same.
   */
  restore(aux: ReadonlyMap<string, string>, as: 'primary' | 'replica'): void {
    const { replication, keyspace } = this.#host;
    this.#hasData = as === 'primary' || keyspace.databases.some(({ size }) => size > 0);
    const id = aux.get('repl-id');
    const offset = Number(aux.get('repl-offset') ?? Number.NaN);
    if (id === undefined || !/^[0-9a-f]{40}$/.test(id) || !Number.isSafeInteger(offset) || offset < 0) return;
    replication.offset = offset;
    if (as === 'replica') {
      this.#hasData = true;
      replication.id = id;
      this.#host.primaryDb = Number(aux.get('repl-stream-db') ?? 0);
      return;
    }
    replication.secondId = id;
    replication.secondOffset = offset + 1;
    this.#replicas.createBacklog();
    this.#host.rearm();
  }

  /** The data is loaded. */
  start(): void {
    this.#pinged_ms = this.#host.clock.monotonic_ms();
    this.#link?.open();
    this.#host.rearm();
  }

  async close(): Promise<void> {
    this.#link?.close();
    this.#link = null;
  }

  // Roles.

  becomePrimary(): void {
    const { replication, log } = this.#host;
    if (replication.role === 'primary') return;
    this.#dropLink();
    if (this.#continuable) this.#keepAsSecond();
    else this.#forgetSecond();
    replication.id = randomHex(40);
    this.#continuable = true;
    this.#hasData = true;
    this.#refusal = null;
    log.warning(
      `Setting secondary replication ID to ${replication.secondId}, valid up to offset: ${replication.secondOffset}. New replication ID is ${replication.id}`,
    );
    // They come back with the old history, and learn the new one.
    this.#replicas.dropAll();
    this.#host.forgetSelected();
    this.#downSince_ms = null;
    this.#setRole('primary');
    this.#host.rememberPrimary(null);
  }

  /** Follows a primary. Nothing happens when it is followed already. `newShard`: the data we have is not of its shard. */
  replicate(host: string, port: number, { newShard }: { newShard: boolean }): void {
    if (newShard) this.#hasData = false;
    if (this.isReplicaOf(host, port)) return;
    const wasPrimary = this.#host.replication.role === 'primary';
    this.#dropLink();
    this.#waits.clear();
    this.#host.releaseWaiting();
    if (wasPrimary) {
      this.#host.primaryDb = 0;
      this.#host.log.notice(
        'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.',
      );
    }
    this.#setRole('replica');
    this.#host.rememberPrimary({ host, port });
    this.#link = new PrimaryLink(this.#host, { host, port }, this.#events());
    this.#link.open();
  }

  /** The history has a new name, and no other one: whoever knows an old one needs a full copy. */
  changeId(): void {
    this.#host.replication.id = randomHex(40);
    this.#forgetSecond();
  }

  isReplicaOf(host: string, port: number): boolean {
    return this.#link !== null && this.#link.address.host === host && this.#link.address.port === port;
  }

  // What others ask.

  /** Effects of commands are encoded for the stream. */
  get wantsStream(): boolean {
    return this.#host.replication.role === 'primary' && this.#replicas.backlog !== null;
  }

  get primary(): PrimaryLink | null {
    return this.#link;
  }

  get isLinkUp(): boolean {
    return this.#link?.isUp ?? false;
  }

  /** Since the primary was last heard of, or the link to it was lost; Infinity when there never was one. */
  get silence_ms(): number {
    const now_ms = this.#host.clock.monotonic_ms();
    if (this.isLinkUp) return now_ms - this.#link!.heard_ms;
    return this.#downSince_ms === null ? Number.POSITIVE_INFINITY : now_ms - this.#downSince_ms;
  }

  /** A full copy is coming in beside the data that is served. */
  get isCopying(): boolean {
    return this.#link?.isCopying ?? false;
  }

  /** The command of our primary at which we stopped following it, until a full copy has made up for it. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  get hasData(): boolean {
    return this.#hasData;
  }

  /** Invariant (5): why not, as the end of a sentence; '' when it may, and for a primary. */
  whyUnfit(): string {
    if (this.#host.replication.role === 'primary') return '';
    if (this.#refusal !== null) return `stopped following its master at the command '${this.#refusal.command}'`;
    return this.#hasData ? '' : 'has no complete copy of the data of its master';
  }

  get goodReplicas(): number {
    return this.#replicas.good;
  }

  get backlog(): { size: number; first: number; length: number } | null {
    return this.#replicas.backlog;
  }

  replicas(): ReplicaFacts[] {
    return this.#replicas.facts();
  }

  /** Where the data set stands in the stream, for the RDB. Null: a restart could not go on from it. */
  point(): ReplicationPoint | null {
    const { replication } = this.#host;
    const { id, offset } = replication;
    if (replication.role === 'replica') {
      return this.#continuable ? { id, offset, selectedDb: this.#host.primaryDb } : null;
    }
    return this.#replicas.backlog === null ? null : { id, offset, selectedDb: Math.max(0, this.#host.selectedDb()) };
  }

  // As primary.

  introduce(client: number, facts: Partial<Introduction>): void {
    this.#replicas.introduce(client, facts);
  }

  /** PSYNC, and SYNC with null. Answered when the turn ends. */
  ask(peer: Peer, wanted: Wanted | null): void {
    this.#replicas.ask(peer, wanted);
    this.#host.wake();
  }

  acknowledged(client: number, offset: number): void {
    this.#replicas.acknowledge(client, offset);
    this.#acknowledged = true;
  }

  clientClosed({ id }: { id: number }): void {
    this.#replicas.forget(id);
    this.#waits.forget(id);
  }

  /** Stream that a replica will get, and that no socket counts yet. */
  heldBytesOf(client: number): number {
    return this.#replicas.heldBytesOf(client);
  }

  hasEnoughReplicas(): boolean {
    const { config } = this.#host;
    const wanted = config['min-replicas-to-write'];
    return wanted === 0 || config['min-replicas-max-lag'] === 0 || this.#replicas.good >= wanted;
  }

  /** Effects of the turn. On a replica they are for the log only: its replicas get the stream of its primary. */
  feed(bytes: Buffer, length: number): void {
    if (!this.wantsStream) return;
    // The turn's buffer is used again; one copy serves all replicas.
    this.#extend(Buffer.from(bytes.subarray(0, length)));
    if (this.#catchingUp !== null) this.#catchingUp.offset = this.#host.replication.offset;
  }

  /** How many replicas have this much of the stream. */
  countWith(offset: number): number {
    return this.#replicas.countWith(offset);
  }

  wait(client: number, offset: number, replicas: number, served: (replicas: number) => void): void {
    this.#waits.add(client, { offset, replicas, served });
  }

  endWait(client: number): void {
    this.#waits.forget(client);
  }

  /** Has every replica, if there are any, the whole stream? */
  get areInSync(): boolean {
    return this.#replicas.haveAll(this.#host.replication.offset);
  }

  /**
   * Asks the replicas what they have. `served` is called when all of them have what commands have put into the stream; what
   * the primary itself says in it, such as this question, nobody would miss.
   */
  waitForAll(served: () => void): void {
    this.#catchingUp = { offset: this.#host.replication.offset, served };
    this.#waits.ask();
    this.#host.wake();
  }

  endWaitForAll(): void {
    this.#catchingUp = null;
  }

  /** Tells the log, at the end, which replicas will miss something; before `endWaitForAll`, where there was a wait. */
  reportLagging(): void {
    this.#replicas.reportLagging(this.#catchingUp?.offset ?? this.#host.replication.offset);
  }

  /** Ends the waits (WAIT, and a shutdown's) that acknowledgements of this turn have fulfilled. */
  serveWaiting(): void {
    if (this.#catchingUp !== null && this.#replicas.haveAll(this.#catchingUp.offset)) this.#catchingUp.served();
    // Thousands may wait; only an acknowledgement changes what any of them waits for.
    if (!this.#acknowledged) return;
    this.#acknowledged = false;
    this.#waits.serve((offset) => this.#replicas.countWith(offset));
  }

  /** Behind the effects of the turn: what the primary itself has to say, and new replicas. */
  endTurn(): void {
    const asks = this.#waits.takeAskWanted();
    if (this.wantsStream && this.#replicas.size > 0 && !this.#host.streamHeld()) {
      if (this.#pingWanted) this.#extend(PING);
      if (asks) this.#extend(GETACK);
    }
    this.#pingWanted = false;
    this.#replicas.serveAsking(() => this.#prepareFullSync());
  }

  // By time and by configuration.

  cron(): void {
    this.#link?.cron();
    const now_ms = this.#host.clock.monotonic_ms();
    if (now_ms - this.#counted_ms < SECOND_MS) return;
    this.#counted_ms = now_ms;
    this.#replicas.keepWaitingAlive();
    this.#replicas.dropSilent();
    this.#replicas.countGood();
    if (this.#host.replication.role === 'replica') return;
    if (now_ms - this.#pinged_ms >= this.#host.config['repl-ping-replica-period'] * SECOND_MS) {
      this.#pinged_ms = now_ms;
      this.#pingWanted = true;
    }
    this.#freeIdleBacklog(now_ms);
  }

  /** CONFIG SET min-replicas-max-lag. */
  recountReplicas(): void {
    this.#replicas.countGood();
  }

  /** CONFIG SET repl-backlog-size. */
  resizeBacklog(): void {
    const { config } = this.#host;
    const { backlog } = this.#replicas;
    if (backlog !== null && backlog.size !== config['repl-backlog-size']) backlog.resize(config['repl-backlog-size']);
  }

  #extend(bytes: Buffer): void {
    this.#host.replication.offset += bytes.length;
    this.#replicas.feed(bytes);
  }

  #prepareFullSync(): void {
    const { replication, log } = this.#host;
    if (replication.role === 'replica') return;
    if (this.#replicas.backlog === null) {
      // Nobody has followed this stream yet, so whoever knows its name must not take it for the one that begins now.
      replication.id = randomHex(40);
      this.#forgetSecond();
      this.#replicas.createBacklog();
      this.#host.rearm();
      log.notice(
        `Replication backlog created, my new replication IDs are '${replication.id}' and '${replication.secondId}'`,
      );
    }
  }

  #freeIdleBacklog(now_ms: number): void {
    const { config, log, replication } = this.#host;
    const ttl_s = config['repl-backlog-ttl'];
    if (this.#replicas.backlog === null || this.#replicas.size > 0 || ttl_s === 0) return;
    if (now_ms - this.#replicas.idleSince_ms <= ttl_s * SECOND_MS) return;
    // Writes from here on are not counted: an old offset would no longer mean what it meant.
    replication.id = randomHex(40);
    this.#forgetSecond();
    this.#replicas.backlog = null;
    this.#host.rearm();
    log.notice(`Replication backlog freed after ${ttl_s} seconds without connected replicas.`);
  }

  #keepAsSecond(): void {
    const { replication } = this.#host;
    replication.secondId = replication.id;
    replication.secondOffset = replication.offset + 1;
  }

  #forgetSecond(): void {
    const { replication } = this.#host;
    replication.secondId = NO_HISTORY;
    replication.secondOffset = -1;
  }

  // As replica.

  #events(): LinkEvents {
    const { replication } = this.#host;
    return {
      history: () => (this.#continuable ? { id: replication.id, offset: replication.offset } : null),
      copying: () => this.#host.rearm(),
      replaced: (point) => this.#replaced(point),
      continued: (id) => this.#continued(id),
      confused: (refusal) => {
        this.#continuable = false;
        this.#refusal = refusal ?? this.#refusal;
      },
      up: () => {
        this.#streamStart = replication.offset;
        this.#downSince_ms = null;
        this.#hasData = true;
        this.#host.rearm();
      },
      down: () => {
        this.#downSince_ms = this.#host.clock.monotonic_ms();
        this.#host.rearm();
      },
      applied: (bytes) => {
        replication.offset = this.#streamStart + bytes;
      },
      passed: (bytes) => this.#replicas.feed(bytes),
    };
  }

  #replaced(point: { id: string; offset: number } | null): void {
    const { replication } = this.#host;
    // What they have follows from data that is gone.
    this.#replicas.dropAll();
    replication.id = point?.id ?? randomHex(40);
    replication.offset = point?.offset ?? 0;
    this.#forgetSecond();
    this.#continuable = point !== null;
    this.#refusal = null;
    this.#replicas.createBacklog();
  }

  #continued(id: string | null): void {
    const { replication, log } = this.#host;
    if (id !== null && id !== replication.id) {
      this.#keepAsSecond();
      replication.id = id;
      log.notice(`Master replication ID changed to ${id}`);
      this.#replicas.dropAll();
    }
    if (this.#replicas.backlog === null) this.#replicas.createBacklog();
  }

  #dropLink(): void {
    const link = this.#link;
    if (link === null) return;
    if (link.isUp) this.#downSince_ms = this.#host.clock.monotonic_ms();
    link.close();
    this.#link = null;
  }

  #setRole(role: 'primary' | 'replica'): void {
    this.#host.replication.role = role;
    this.#host.rearm();
  }
}
