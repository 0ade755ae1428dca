/*
 * Who serves a command with keys? Every client command in cluster mode passes here, so the usual answer, "this node",
 * costs two array reads and allocates nothing. The caller works out the slot of the first key and whether the other
 * keys have the same one; then
 *
 *   if (!query.crossSlot && servesSlot(state, slot)) serve;
 *   else { if (isOpen(state, slot)) count the missing and existing keys into query; verdict = route(state, query); }
 *
 * where `query` is one record that the caller fills again and again. Keys that are logically expired count as missing.
 */
import { type ClusterNode, MYSELF_INDEX, NOBODY, ownerOf, type State } from './state.ts';

export const SERVE = 0;
export const MOVED = 1;
export const ASK = 2;
export const TRY_AGAIN = 3;
export const CROSS_SLOT = 4;
export const DOWN_UNBOUND = 5;
export const DOWN_STATE = 6;
export const DOWN_READ_ONLY = 7;

export type Verdict =
  | typeof SERVE
  | typeof MOVED
  | typeof ASK
  | typeof TRY_AGAIN
  | typeof CROSS_SLOT
  | typeof DOWN_UNBOUND
  | typeof DOWN_STATE
  | typeof DOWN_READ_ONLY;

export interface RouteQuery {
  /** Of the first key. */
  slot: number;
  /** Another key has another slot. */
  crossSlot: boolean;
  /** Another key differs from the first, in the same slot. */
  multipleKeys: boolean;
  /** Only looked at when the slot is open. */
  missingKeys: number;
  existingKeys: number;
  /** The command, or one in the transaction, may write. */
  write: boolean;
  /** One that does has keys: a transaction may consist of FLUSHALL and GET. */
  writesKeys: boolean;
  /** The client said READONLY. */
  readonlyClient: boolean;
  /** The client said ASKING, or the command is RESTORE-ASKING. */
  asking: boolean;
  migrate: boolean;
  shardedPubsub: boolean;
}

export function newRouteQuery(): RouteQuery {
  return {
    slot: 0,
    crossSlot: false,
    multipleKeys: false,
    missingKeys: 0,
    existingKeys: 0,
    write: false,
    writesKeys: false,
    readonlyClient: false,
    asking: false,
    migrate: false,
    shardedPubsub: false,
  };
}

/** True when nothing about the slot needs a second look. */
export function servesSlot(state: State, slot: number): boolean {
  return state.owner[slot] === MYSELF_INDEX && state.ok && state.migratingTo.size === 0;
}

/** True when keys of the slot may be here and elsewhere: then `route` wants them counted. */
export function isOpen(state: State, slot: number): boolean {
  return state.owner[slot] === MYSELF_INDEX ? state.migratingTo.has(slot) : state.importingFrom.has(slot);
}

export function route(state: State, query: RouteQuery): Verdict {
  const { slot } = query;
  const index = state.owner[slot] as number;
  if (index === NOBODY) return DOWN_UNBOUND;
  if (query.crossSlot) return CROSS_SLOT;
  if (!state.ok) {
    const verdict = whenDown(state, query);
    if (verdict !== SERVE) return verdict;
  }
  const mine = index === MYSELF_INDEX;
  const migrating = mine && state.migratingTo.has(slot);
  const importing = !mine && state.importingFrom.has(slot);
  if ((migrating || importing) && query.migrate) return SERVE;
  if (migrating && query.missingKeys > 0) return query.existingKeys > 0 ? TRY_AGAIN : ASK;
  if (importing && query.asking) return query.multipleKeys && query.missingKeys > 0 ? TRY_AGAIN : SERVE;
  if (mine) return SERVE;
  const readable = (query.readonlyClient || query.shardedPubsub) && !query.write;
  return readable && state.myself.primary?.index === index ? SERVE : MOVED;
}

/** Whom MOVED and ASK point at. */
function redirectTarget(state: State, verdict: Verdict, slot: number): ClusterNode {
  const node = verdict === ASK ? state.migratingTo.get(slot) : ownerOf(state, slot);
  if (node === undefined || node === null) throw new RangeError(`slot ${slot} redirects to nobody`);
  return node;
}

/** The reply of a verdict other than SERVE, without the leading '-'. */
export function redirectError(state: State, verdict: Verdict, slot: number, client: { tls: boolean }): string {
  switch (verdict) {
    case MOVED:
    case ASK: {
      const node = redirectTarget(state, verdict, slot);
      const word = verdict === MOVED ? 'MOVED' : 'ASK';
      return `${word} ${slot} ${endpointOf(state, node) ?? ''}:${clientPort(node, client)}`;
    }
    case TRY_AGAIN:
      return 'TRYAGAIN Multiple keys request during rehashing of slot';
    case CROSS_SLOT:
      return "CROSSSLOT Keys in request don't hash to the same slot";
    case DOWN_UNBOUND:
      return 'CLUSTERDOWN Hash slot not served';
    case DOWN_READ_ONLY:
      return 'CLUSTERDOWN The cluster is down and only accepts read commands';
    default:
      return 'CLUSTERDOWN The cluster is down';
  }
}

/** A client that waits on a key (BLPOP …) is looked at again now and then: null, or the error that wakes it. */
export function redirectBlocked(state: State, slot: number, client: { tls: boolean }): string | null {
  if (!state.ok) return redirectError(state, DOWN_STATE, slot, client);
  const owner = state.owner[slot] as number;
  if (owner === NOBODY) return redirectError(state, DOWN_UNBOUND, slot, client);
  if (owner === MYSELF_INDEX || state.importingFrom.has(slot)) return null;
  return redirectError(state, MOVED, slot, client);
}

/** The host that clients are told, as cluster-preferred-endpoint-type says; null: "the one you came by". */
export function endpointOf(state: State, node: ClusterNode, reachedAt = ''): string | null {
  switch (state.config.preferredEndpoint) {
    case 'hostname':
      return node.hostname === '' ? '?' : node.hostname;
    case 'unknown-endpoint':
      return null;
    default:
      return ipOf(state, node, reachedAt);
  }
}

/** A node that never met another does not know its address, but the client has just used it: `reachedAt`. */
export function ipOf(state: State, node: ClusterNode, reachedAt: string): string {
  return node.ip === '' && node === state.myself ? reachedAt : node.ip;
}

/** In a TLS cluster a client without TLS is told the plaintext port. */
export function clientPort(node: ClusterNode, client: { tls: boolean }): number {
  return !client.tls && node.plainPort !== 0 ? node.plainPort : node.port;
}

function whenDown(state: State, query: RouteQuery): Verdict {
  if (query.shardedPubsub) return state.config.allowPubsubShardWhenDown ? SERVE : DOWN_STATE;
  if (!state.config.allowReadsWhenDown) return DOWN_STATE;
  return query.writesKeys ? DOWN_READ_ONLY : SERVE;
}
