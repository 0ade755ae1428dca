/*
 * nodes.conf: what a node must not forget. One line a node, as in CLUSTER NODES, and a last line with the epochs. The
 * format is Redis' own, so a node can change from one server to the other with its file. Behind the hostname stand
 * `key=value` fields, as since Redis 7.2: those that are not known are read over, and none are written where the file is
 * to be one of 7.0, which would take them for a part of the name.
 */
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { SLOTS } from '../../base/slot.ts';
import { EPOCH_MAX, whyNoEpoch } from './epoch.ts';
import { HANDSHAKE, MYSELF, PRIMARY, parseFlags, REPLICA, SUSPECTED } from './flags.ts';
import { nodeLine } from './report.ts';
import { setOwner } from './slot-map.ts';
import {
  addNode,
  announceMyself,
  type ClusterConfig,
  type ClusterNode,
  createState,
  inHandshake,
  isFailed,
  isReplica,
  ownerOf,
  type State,
  setPrimaryOf,
  shardIdOf,
} from './state.ts';

/** The file is damaged: nothing is repaired by guessing. */
export class NodesConfError extends Error {
  override readonly name = 'NodesConfError';
  /** Counted from 1; 0 when the whole file lacks something. */
  readonly line: number;

  constructor(line: number, problem: string) {
    super(line === 0 ? problem : `line ${line}: ${problem}`);
    this.line = line;
  }
}

export function formatNodesConf(state: State): string {
  let text = '';
  for (const node of state.list)
    if (!inHandshake(node)) text += `${nodeLine(state, node, node.port, fieldsOf(state, node))}\n`;
  return `${text}vars currentEpoch ${state.currentEpoch} lastVoteEpoch ${state.lastVoteEpoch}\n`;
}

/** The port that is not the one before them, the name for people, the shard. */
function fieldsOf({ config }: State, node: ClusterNode): string {
  if (!config.tellsShards) return '';
  const otherPort = config.plainPort === 0 ? 'tls-port=0' : `tcp-port=${node.plainPort}`;
  const nodename = node.nodename === '' ? '' : `,nodename=${node.nodename}`;
  return `,${otherPort}${nodename},shard-id=${shardIdOf(node)}`;
}

/** Throws NodesConfError. */
export function loadNodesConf(text: string, options: { config: ClusterConfig; now_ms: number }): State {
  const { config, now_ms } = options;
  const lines = text.split('\n').map((line, i): Line => ({ number: i + 1, words: line.split(' ').filter(Boolean) }));
  const described = lines.filter(({ words }) => words.length > 0);
  const state = createState({ id: findMyself(described), config, now_ms });
  // The epoch of the cluster first: those of the nodes are judged by it.
  for (const line of described) if (line.words[0] === 'vars') readVariables(state, line);
  const seen = new Map<string, number>();
  for (const line of described) {
    const [id] = line.words as [string];
    if (id === 'vars') continue;
    const earlier = seen.get(id);
    if (earlier !== undefined) throw new NodesConfError(line.number, `node ${id} has a line already, line ${earlier}`);
    seen.set(id, line.number);
    readNode(state, line, now_ms);
  }
  for (const node of state.list) if (!seen.has(node.id)) throw new NodesConfError(...whereNamed(node, lines));
  requireEnd(text, lines);
  // The directives know our ports better than the file does; the address may be known from it only.
  announceMyself(state);
  for (const node of state.list) state.currentEpoch = Math.max(state.currentEpoch, node.configEpoch);
  state.currentEpoch = Math.max(state.currentEpoch, state.lastVoteEpoch);
  state.bootedWithSlots = state.myself.slots.count() > 0;
  state.lostSlots = [];
  return state;
}

interface Line {
  number: number;
  words: string[];
}

const ID_PATTERN = /^[a-z0-9]{40}$/;
const FIELDS_MIN = 8;
const WORDS_SHOWN = 4;

/** A primary or the other end of an open slot: with its own line its address and its slots are lost. */
function whereNamed({ id }: ClusterNode, lines: readonly Line[]): [number, string] {
  const line = lines.find(({ words }) => words.some((word) => word.includes(id))) as Line;
  return [line.number, `node ${id} is named, and has no line`];
}

/** What is written last proves that nothing is missing: a file that was cut has lost at least the end of its last line. */
function requireEnd(text: string, lines: readonly Line[]): void {
  const last = lines.at(-1) as Line;
  if (!text.endsWith('\n'))
    throw new NodesConfError(
      last.number,
      `it has no end, the file was cut: '… ${last.words.slice(-WORDS_SHOWN).join(' ')}'`,
    );
  if (lines.some(({ words }) => words[0] === 'vars')) return;
  const problem = "the line 'vars currentEpoch … lastVoteEpoch …' is missing here: what stood at the end is lost";
  throw new NodesConfError(last.number, problem);
}

function findMyself(lines: readonly Line[]): string {
  const mine = lines.filter(({ words }) => words[0] !== 'vars' && words[2]?.split(',').includes('myself') === true);
  const [first, second] = mine;
  if (first === undefined) throw new NodesConfError(0, "no line is about this node: the flag 'myself' is missing");
  if (second !== undefined) throw new NodesConfError(second.number, "a second line has the flag 'myself'");
  const id = first.words[0] as string;
  if (!ID_PATTERN.test(id)) throw new NodesConfError(first.number, `'${id}' is no node id`);
  return id;
}

function readVariables(state: State, { number, words }: Line): void {
  if (words.length % 2 === 0) throw new NodesConfError(number, 'a variable has no value');
  for (let i = 1; i < words.length; i += 2) {
    const value = words[i + 1] as string;
    if (words[i] === 'currentEpoch') state.currentEpoch = readEpoch(value, number);
    else if (words[i] === 'lastVoteEpoch') state.lastVoteEpoch = readEpoch(value, number);
  }
  for (const name of ['currentEpoch', 'lastVoteEpoch']) {
    if (!words.includes(name)) throw new NodesConfError(number, `${name} is missing`);
  }
}

function readNode(state: State, line: Line, now_ms: number): void {
  const { number, words } = line;
  if (words.length < FIELDS_MIN) throw new NodesConfError(number, `expected ${FIELDS_MIN} fields or more`);
  const [id, address, flagText, primary, pingSent, pongReceived, epoch] = words as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const node = findOrAdd(state, id, line, now_ms);
  readAddress(node, address, number);
  const flags = parseFlags(flagText);
  if (flags === null) throw new NodesConfError(number, `unknown flag in '${flagText}'`);
  // Whether it still is silent has to be seen.
  node.flags = flags & ~(HANDSHAKE | SUSPECTED);
  if (node === state.myself) node.flags |= MYSELF;
  if (isFailed(node)) node.failed_ms = now_ms;
  if (primary !== '-') {
    node.flags = (node.flags & ~PRIMARY) | REPLICA;
    setPrimaryOf(node, findOrAdd(state, primary, line, now_ms));
  }
  // Times of another life mean nothing now, but that a ping is due.
  node.pingSent_ms = readNumber(pingSent, number) === 0 ? 0 : now_ms;
  node.pongReceived_ms = readNumber(pongReceived, number) === 0 ? 0 : now_ms;
  // What is printed for a replica is its primary's.
  node.configEpoch = isReplica(node) ? 0 : readEpoch(epoch, number, state.currentEpoch);
  for (const word of words.slice(FIELDS_MIN)) readSlots(state, { node, word, line }, now_ms);
}

/** ip:port[@busPort][,hostname[,key=value]…]; an IPv6 address has colons of its own. */
function readAddress(node: ClusterNode, text: string, number: number): void {
  const [endpoint, hostname, ...fields] = text.split(',') as [string, string | undefined, ...string[]];
  const colon = endpoint.lastIndexOf(':');
  if (colon === -1) throw new NodesConfError(number, `'${text}' is no address`);
  const [port, busPort] = endpoint.slice(colon + 1).split('@') as [string, string | undefined];
  node.ip = endpoint.slice(0, colon);
  node.port = readPort(port, number);
  node.busPort = busPort === undefined ? node.port + BUS_PORT_OFFSET : readPort(busPort, number);
  node.hostname = hostname ?? '';
  for (const field of fields) readField(node, field, number);
}

/** What no line is refused for: a server that is newer than us knows more of them. */
function readField(node: ClusterNode, field: string, number: number): void {
  const equals = field.indexOf('=');
  const value = field.slice(equals + 1);
  switch (field.slice(0, equals)) {
    case 'shard-id':
      if (!ID_PATTERN.test(value)) throw new NodesConfError(number, `'${value}' is no shard id`);
      node.shardId = value;
      break;
    case 'nodename':
      node.nodename = value;
      break;
    case 'tcp-port':
      node.plainPort = readPort(value, number);
      break;
    default:
      break;
  }
}

interface SlotWord {
  node: ClusterNode;
  word: string;
  line: Line;
}

/** 7, 0-99, [7->-target] or [7-<-source]. */
function readSlots(state: State, { node, word, line }: SlotWord, now_ms: number): void {
  const open = /^\[(\d+)-([<>])-(.+)\]$/.exec(word);
  if (open !== null) {
    const [, slotText, direction, id] = open as unknown as [string, string, string, string];
    const slot = readSlot(slotText, line.number);
    const other = findOrAdd(state, id, line, now_ms);
    if (node !== state.myself) throw new NodesConfError(line.number, `slot ${slot} is open on another node`);
    if (direction === '>') state.migratingTo.set(slot, other);
    else state.importingFrom.set(slot, other);
    return;
  }
  const [start, end, rest] = word.split('-') as [string, string | undefined, string | undefined];
  const first = readSlot(start, line.number);
  const last = end === undefined ? first : readSlot(end, line.number);
  if (last < first || rest !== undefined) throw new NodesConfError(line.number, `'${word}' is no range of slots`);
  // A newer server writes down slots of a replica that its primary has not claimed yet.
  if (isReplica(node)) return;
  for (let slot = first; slot <= last; slot++) {
    const owner = ownerOf(state, slot);
    if (owner !== null) throw new NodesConfError(line.number, `slot ${slot} belongs to node ${owner.id} already`);
    setOwner(state, slot, node);
  }
}

/** Lines come in any order: a node may be named before its own line. */
function findOrAdd(state: State, id: string, { number }: Line, now_ms: number): ClusterNode {
  if (!ID_PATTERN.test(id)) throw new NodesConfError(number, `'${id}' is no node id`);
  return state.nodes.get(id) ?? addNode(state, { id, flags: 0 }, now_ms);
}

/** `known`: the epoch that this one can be ahead of only so far. */
function readEpoch(text: string, number: number, known = EPOCH_MAX): number {
  const epoch = readNumber(text, number);
  const why = whyNoEpoch(known, epoch);
  if (why !== null) throw new NodesConfError(number, why);
  return epoch;
}

function readNumber(text: string, number: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new NodesConfError(number, `'${text}' is no number`);
  return value;
}

function readPort(text: string, number: number): number {
  const port = readNumber(text, number);
  if (port > 65535) throw new NodesConfError(number, `'${text}' is no port`);
  return port;
}

function readSlot(text: string, number: number): number {
  const slot = readNumber(text, number);
  if (slot >= SLOTS) throw new NodesConfError(number, `'${text}' is no slot`);
  return slot;
}
