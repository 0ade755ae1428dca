/*
 * Our replicas: who they are, how each gets into the stream, and the stream itself with its backlog (spec:
 * replication.md, sections 3 and 4).
 *
 *   asking -> online                                    the backlog reaches far enough: +CONTINUE, and what is missing
 *   asking -> waiting -> promised -> sending -> online  +FULLRESYNC, an RDB of that moment, what was written since
 *
 * Those who ask are served when the turn ends: then all effects of the turn have been fed, and the data set and the
 * offset say the same. One snapshot serves all who wait when it begins, and who come while it is being made; it may have to
 * wait for another one to end.
 */

import { assert } from '../../base/assert.ts';
import { DiskFailure } from '../persistence/disk.ts';
import type { SpooledRdb } from '../persistence/rdb-file.ts';
import { Backlog } from './backlog.ts';
import type { Peer, ReplicationHost } from './host.ts';

/** What a replica says of itself before it asks for the stream. */
export interface Introduction {
  port: number;
  /** Empty: the address it connects from. */
  ip: string;
  psync2: boolean;
  /** It wants an RDB only, such as for a backup. */
  rdbOnly: boolean;
}

/** Which part of which stream it wants. */
export interface Wanted {
  readonly id: string;
  /** Of the first byte. */
  readonly offset: number;
}

interface Replica extends Introduction {
  readonly peer: Peer;
  /** Null: it spoke SYNC, knows no offsets and never acknowledges. */
  readonly wanted: Wanted | null;
  state: keyof typeof STATES;
  acknowledged: number;
  heard_ms: number;
  /** The stream since the snapshot. */
  held: Buffer[];
  heldBytes: number;
}

/** For INFO and ROLE. */
export interface ReplicaFacts {
  readonly ip: string;
  readonly port: number;
  readonly state: 'wait_bgsave' | 'send_bulk' | 'online';
  readonly offset: number;
  readonly lag_s: number;
}

/** As INFO names them. */
const STATES = {
  asking: 'wait_bgsave',
  waiting: 'wait_bgsave',
  promised: 'wait_bgsave',
  sending: 'send_bulk',
  online: 'online',
} as const;

const LINE_END = Buffer.from('\n');
const SNAPSHOT_FAILED = Buffer.from("-ERR BGSAVE failed, replication can't continue\r\n");

export class Replicas {
  readonly #host: ReplicationHost;
  readonly #replicas = new Map<number, Replica>();
  readonly #introduced = new Map<number, Introduction>();
  /** The snapshot that is being made for replicas. */
  #copy: { readonly replicas: Replica[]; readonly id: string; readonly offset: number } | null = null;
  /** Null while there is no stream: nobody ever asked for it. */
  backlog: Backlog | null = null;
  /** Since when there is nobody to feed. */
  idleSince_ms = 0;
  /** Replicas that were heard of within min-replicas-max-lag. */
  good = 0;

  constructor(host: ReplicationHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#replicas.size;
  }

  facts(): ReplicaFacts[] {
    const now_ms = this.#host.clock.monotonic_ms();
    return [...this.#replicas.values()].map((replica) => ({
      ip: addressOf(replica),
      port: replica.port,
      state: STATES[replica.state],
      offset: replica.acknowledged,
      lag_s: replica.state === 'online' ? Math.floor((now_ms - replica.heard_ms) / 1000) : 0,
    }));
  }

  // Coming and going.

  introduce(id: number, facts: Partial<Introduction>): void {
    const known = this.#replicas.get(id) ?? this.#introduced.get(id);
    if (known !== undefined) Object.assign(known, facts);
    else this.#introduced.set(id, { port: 0, ip: '', psync2: false, rdbOnly: false, ...facts });
  }

  /** Served when the turn ends. */
  ask(peer: Peer, wanted: Wanted | null): void {
    const introduction = this.#introduced.get(peer.id) ?? { port: 0, ip: '', psync2: false, rdbOnly: false };
    this.#introduced.delete(peer.id);
    this.#replicas.set(peer.id, {
      ...introduction,
      peer,
      wanted,
      state: 'asking',
      acknowledged: 0,
      heard_ms: this.#host.clock.monotonic_ms(),
      held: [],
      heldBytes: 0,
    });
    this.#host.log.notice(`Replica ${nameOf(this.#replicas.get(peer.id)!)} asks for synchronization`);
  }

  forget(id: number): void {
    this.#introduced.delete(id);
    const replica = this.#replicas.get(id);
    if (replica === undefined) return;
    this.#replicas.delete(id);
    this.#host.log.warning(`Connection with replica ${nameOf(replica)} lost.`);
    if (this.#replicas.size === 0) this.idleSince_ms = this.#host.clock.monotonic_ms();
    this.countGood();
  }

  /** They will ask again, and learn then that the stream is another one. */
  dropAll(): void {
    for (const replica of this.#replicas.values()) replica.peer.close('now');
    this.#replicas.clear();
    this.idleSince_ms = this.#host.clock.monotonic_ms();
    this.countGood();
  }

  heldBytesOf(id: number): number {
    return this.#replicas.get(id)?.heldBytes ?? 0;
  }

  // The stream.

  createBacklog(): void {
    this.backlog = new Backlog(this.#host.config['repl-backlog-size'], this.#host.replication.offset + 1);
    this.idleSince_ms = this.#host.clock.monotonic_ms();
  }

  /** Gives a part of the stream to all; the bytes must not change any more. */
  feed(bytes: Buffer): void {
    this.backlog?.push(bytes);
    for (const replica of this.#replicas.values()) {
      if (replica.state === 'online') {
        replica.peer.send(bytes);
      } else if ((replica.state === 'promised' || replica.state === 'sending') && !replica.rdbOnly) {
        replica.held.push(bytes);
        replica.heldBytes += bytes.length;
      }
    }
  }

  /** Lets those in who asked in this turn. `prepareFull`: called before a snapshot is asked for. */
  serveAsking(prepareFull: () => void): void {
    const full: Replica[] = [];
    for (const replica of this.#replicas.values()) {
      if (replica.state === 'asking' && !this.#continue(replica) && !this.#share(replica)) full.push(replica);
    }
    if (full.length === 0) return;
    prepareFull();
    for (const replica of full) replica.state = 'waiting';
    this.#host.spool({
      begun: () => this.#promise(full),
      done: (spooled) => this.#deliver(full, spooled),
    });
  }

  /**
   * Those who wait for a snapshot hear from us now and then. Written at once: held until the turn ends, it could be
   * overtaken by the announcement of the snapshot, and would be taken for a part of it.
   */
  keepWaitingAlive(): void {
    for (const { state, peer } of this.#replicas.values()) {
      if (state === 'waiting' || state === 'promised') peer.write(LINE_END, () => {});
    }
  }

  // Acknowledgements.

  acknowledge(id: number, offset: number): void {
    const replica = this.#replicas.get(id);
    if (replica === undefined) return;
    replica.acknowledged = Math.max(replica.acknowledged, offset);
    replica.heard_ms = this.#host.clock.monotonic_ms();
  }

  /** How many have this much of the stream. */
  countWith(offset: number): number {
    let count = 0;
    for (const { state, acknowledged } of this.#replicas.values()) {
      if (state === 'online' && acknowledged >= offset) count++;
    }
    return count;
  }

  /** Those that lack a part of the stream up to here, in whatever state they are. */
  #lagging(offset: number): Replica[] {
    return [...this.#replicas.values()].filter(({ acknowledged }) => acknowledged < offset);
  }

  haveAll(offset: number): boolean {
    return this.#lagging(offset).length === 0;
  }

  /** At the end of the server: who will miss something. */
  reportLagging(offset: number): void {
    const { log, clock } = this.#host;
    if (this.size === 0) return;
    const lagging = this.#lagging(offset);
    for (const replica of lagging) {
      const lag_s = replica.state === 'online' ? Math.floor((clock.monotonic_ms() - replica.heard_ms) / 1000) : 0;
      log.warning(
        `Lagging replica ${nameOf(replica)} reported offset ${offset - replica.acknowledged} behind master, lag=${lag_s}, state=${STATES[replica.state]}.`,
      );
    }
    log.notice(`${this.size - lagging.length} of ${this.size} replicas are in sync when shutting down.`);
  }

  countGood(): void {
    const { clock, config } = this.#host;
    const oldest_ms = clock.monotonic_ms() - (config['min-replicas-max-lag'] + 1) * 1000;
    let good = 0;
    for (const { state, heard_ms } of this.#replicas.values()) if (state === 'online' && heard_ms > oldest_ms) good++;
    this.good = good;
  }

  /** A replica that says nothing for so long is gone, whatever its socket says. */
  dropSilent(): void {
    const { clock, config, log } = this.#host;
    const oldest_ms = clock.monotonic_ms() - config['repl-timeout'] * 1000;
    for (const replica of this.#replicas.values()) {
      const acknowledges = replica.wanted !== null || replica.state === 'sending';
      if (!acknowledges || replica.heard_ms >= oldest_ms) continue;
      log.warning(
        `Disconnecting timedout replica (${replica.state === 'online' ? 'streaming' : 'full'} sync): ${nameOf(replica)}`,
      );
      replica.peer.close('now');
    }
  }

  /** Lets it in without a copy of everything, if what it misses is still there. */
  #continue(replica: Replica): boolean {
    const { log, replication } = this.#host;
    const { wanted, peer } = replica;
    const { backlog } = this;
    if (wanted === null) return false;
    const id = wanted.id.toLowerCase();
    const sameHistory =
      id === replication.id || (id === replication.secondId && wanted.offset <= replication.secondOffset);
    if (!sameHistory) {
      if (id === '?') return false;
      this.#host.count('partialSyncsRefused');
      log.notice(
        `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${wanted.id}', my replication IDs are '${replication.id}' and '${replication.secondId}')`,
      );
      return false;
    }
    if (backlog === null || !backlog.has(wanted.offset)) {
      this.#host.count('partialSyncsRefused');
      log.notice(
        `Unable to partial resync with replica ${nameOf(replica)} for lack of backlog (Replica request was: ${wanted.offset}).`,
      );
      return false;
    }
    const missed = backlog.from(wanted.offset);
    peer.send(Buffer.from(replica.psync2 ? `+CONTINUE ${replication.id}\r\n` : '+CONTINUE\r\n'));
    if (missed.length > 0) peer.send(missed);
    replica.acknowledged = wanted.offset - 1;
    this.#setOnline(replica);
    this.#host.count('partialSyncsOk');
    log.notice(
      `Partial resynchronization request from ${nameOf(replica)} accepted. Sending ${missed.length} bytes of backlog starting from offset ${wanted.offset}.`,
    );
    return true;
  }

  /** The snapshot begins: it is of this point of the stream, and what follows is for these replicas to keep. */
  #promise(replicas: Replica[]): void {
    const { id, offset } = this.#host.replication;
    this.#copy = { replicas, id, offset };
    for (const replica of replicas) this.#promiseTo(replica, this.#copy);
    this.#host.forgetSelected();
  }

  /** Whoever comes while a snapshot is being made gets that one too, if somebody has kept what followed it. */
  #share(replica: Replica): boolean {
    const copy = this.#copy;
    if (copy === null || copy.id !== this.#host.replication.id) return false;
    const keeper = copy.replicas.find((each) => !each.rdbOnly && this.#isHere(each));
    if (keeper === undefined) return false;
    if (!replica.rdbOnly) {
      replica.held = [...keeper.held];
      replica.heldBytes = keeper.heldBytes;
    }
    copy.replicas.push(replica);
    this.#promiseTo(replica, copy);
    this.#host.log.notice('Waiting for end of BGSAVE for SYNC');
    return true;
  }

  #promiseTo(replica: Replica, { id, offset }: { readonly id: string; readonly offset: number }): void {
    replica.state = 'promised';
    this.#host.count('fullSyncs');
    this.#host.log.notice(`Full resync requested by replica ${nameOf(replica)}`);
    if (replica.wanted === null || !this.#isHere(replica)) return;
    replica.peer.send(Buffer.from(`+FULLRESYNC ${id} ${offset}\r\n`));
  }

  #deliver(replicas: readonly Replica[], spooled: SpooledRdb | null): void {
    this.#copy = null;
    for (const replica of replicas) {
      if (!this.#isHere(replica)) continue;
      if (spooled !== null) {
        this.#sendRdb(replica, spooled);
      } else if (replica.state === 'waiting') {
        replica.peer.send(SNAPSHOT_FAILED);
        replica.peer.close('after-reply');
      } else {
        replica.peer.close('now');
      }
    }
    // Everybody has it open: a crash leaves nothing behind.
    spooled?.remove();
    this.#host.wake();
  }

  /** Chunk by chunk, as fast as the replica takes them. */
  #sendRdb(replica: Replica, spooled: SpooledRdb): void {
    const { log, clock } = this.#host;
    const { peer } = replica;
    const chunks = spooled.chunks();
    const sendNext = (): void => {
      if (!this.#isHere(replica)) {
        chunks.return(undefined);
        return;
      }
      replica.heard_ms = clock.monotonic_ms();
      if (chunk.done === true) return this.#rdbSent(replica);
      peer.write(chunk.value, () => {
        read();
        sendNext();
      });
    };
    const read = (): void => {
      try {
        chunk = chunks.next();
      } catch (failure) {
        if (!(failure instanceof DiskFailure)) throw failure;
        log.warning(`Reading the snapshot for replica ${nameOf(replica)} failed: ${failure.message}`);
        this.#replicas.delete(peer.id);
        peer.close('now');
      }
    };
    let chunk: IteratorResult<Buffer> = { done: true, value: null };
    read();
    replica.state = 'sending';
    peer.write(Buffer.from(`$${spooled.bytes}\r\n`), sendNext);
  }

  #rdbSent(replica: Replica): void {
    const { log, wake } = this.#host;
    if (replica.rdbOnly) {
      log.notice(`Close the connection with replica ${nameOf(replica)} as RDB transfer is complete`);
      replica.peer.close('after-reply');
      return;
    }
    for (const bytes of replica.held) replica.peer.send(bytes);
    replica.held = [];
    replica.heldBytes = 0;
    this.#setOnline(replica);
    log.notice(`Synchronization with replica ${nameOf(replica)} succeeded`);
    wake();
  }

  /** Not gone meanwhile. */
  #isHere(replica: Replica): boolean {
    return this.#replicas.get(replica.peer.id) === replica;
  }

  #setOnline(replica: Replica): void {
    assert(replica.state !== 'online', 'a replica gets into the stream once');
    replica.state = 'online';
    replica.heard_ms = this.#host.clock.monotonic_ms();
    this.countGood();
  }
}

function addressOf(replica: Replica): string {
  return replica.ip === '' ? replica.peer.ip : replica.ip;
}

function nameOf(replica: Replica): string {
  return `${addressOf(replica)}:${replica.port === 0 ? '<unknown-replica-port>' : replica.port}`;
}
