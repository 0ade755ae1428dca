/*
 * What nodes say to each other, as values. A message is immutable once made: one object may be sent over many links,
 * and a simulator may hand it over without encoding it. Its `slots` is a snapshot of a bitmap for messages we make,
 * and a view on the received bytes (valid during the step only) for messages we get. codec.ts knows the bytes.
 */
export const PING = 0;
export const PONG = 1;
export const MEET = 2;
export const FAIL = 3;
export const PUBLISH = 4;
export const VOTE_REQUEST = 5;
export const VOTE = 6;
export const UPDATE = 7;
export const FAILOVER_START = 8;
export const MODULE = 9;
export const PUBLISH_SHARD = 10;

export const MESSAGE_TYPES = 11;

/** As CLUSTER INFO prints them: cluster_stats_messages_<name>_sent. Indexed by type. */
export const MESSAGE_NAMES: readonly string[] = [
  'ping',
  'pong',
  'meet',
  'fail',
  'publish',
  'auth-req',
  'auth-ack',
  'update',
  'mfstart',
  'module',
  'publishshard',
];

/** Message flags: the first byte of `mflags`. */
export const WRITES_PAUSED = 1;
export const FORCE_VOTE = 2;
export const HAS_EXTENSIONS = 4;

/** What every message tells about its sender. */
export interface Header {
  readonly sender: string;
  readonly port: number;
  /** The plaintext port when `port` speaks TLS, else 0. */
  readonly plainPort: number;
  readonly busPort: number;
  /** '' means: take my address from the socket. */
  readonly ip: string;
  readonly currentEpoch: number;
  /** A replica tells its primary's epoch and slots. */
  readonly configEpoch: number;
  readonly offset: number;
  /** 2048 bytes, slot s is bit s % 8 of byte s / 8. */
  readonly slots: Buffer;
  /** '' for a primary. */
  readonly primary: string;
  readonly flags: number;
  readonly ok: boolean;
  readonly messageFlags: number;
}

/** What the sender knows of a third node. Times are in seconds, as on the wire. */
export interface GossipEntry {
  readonly id: string;
  readonly pingSent_s: number;
  readonly pongReceived_s: number;
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly flags: number;
  readonly plainPort: number;
}

export const EXTENSION_HOSTNAME = 0;
export const EXTENSION_NODENAME = 1;
export const EXTENSION_FORGOTTEN_NODE = 2;
export const EXTENSION_SHARD_ID = 3;

export interface Extension {
  readonly type: number;
  /** Without the padding that the encoder adds; with it when decoded. */
  readonly data: Buffer;
}

export interface Heartbeat {
  readonly type: typeof PING | typeof PONG | typeof MEET;
  readonly header: Header;
  readonly gossip: readonly GossipEntry[];
  readonly extensions: readonly Extension[];
}

interface FailMessage {
  readonly type: typeof FAIL;
  readonly header: Header;
  readonly failed: string;
}

export interface PublishMessage {
  readonly type: typeof PUBLISH | typeof PUBLISH_SHARD;
  readonly header: Header;
  readonly channel: Buffer;
  readonly payload: Buffer;
}

/** VOTE_REQUEST, VOTE, FAILOVER_START: the header says it all. */
interface PlainMessage {
  readonly type: typeof VOTE_REQUEST | typeof VOTE | typeof FAILOVER_START;
  readonly header: Header;
}

/** "Your slots are taken": somebody else's newer claim. */
export interface UpdateMessage {
  readonly type: typeof UPDATE;
  readonly header: Header;
  readonly owner: string;
  readonly ownerEpoch: number;
  readonly ownerSlots: Buffer;
}

/** Counted and otherwise ignored: rkv has no modules. */
interface ModuleMessage {
  readonly type: typeof MODULE;
  readonly header: Header;
  readonly moduleId: Buffer;
  readonly kind: number;
  readonly payload: Buffer;
}

export type Message = Heartbeat | FailMessage | PublishMessage | PlainMessage | UpdateMessage | ModuleMessage;
