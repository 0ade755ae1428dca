/*
 * How a person names nodes. Words that name a node add it: '7001 7002' are two nodes. Words that describe nodes narrow:
 * 'shard:2 replica' is the replicas of shard 2, '7001 7002 down' those of the two that are down.
 *
 *   7001           the node at that port           127.0.0.1:7001   at that address
 *   3fa2           the node whose id begins so: four letters or more; must be one
 *   primary  replica  up  down  all             master and slave, as redis.conf has it, are primary and replica
 *   shard:2        by number, in slot order        slot:5461        the shard that owns a slot
 */
import { nearest } from '../../base/nearest.ts';
import { SLOTS } from '../../base/slot.ts';
import { formatPorts } from '../machine/ports.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { NodeView, Topology } from './view.ts';

const ROLES = { primary: 'primary', replica: 'replica', master: 'primary', slave: 'replica' } as const;
const WORDS = [...Object.keys(ROLES), 'up', 'down', 'all'];

/** The nodes that the words name, by port. Fails where they name none. */
export function selectNodes(topology: Topology, selector: string): NodeView[] {
  const words = selector.trim().split(/\s+/).filter(Boolean);
  const descriptions = words.map((word) => described(topology, word));
  const named = new Set<NodeView>();
  words.forEach((word, i) => {
    if (descriptions[i] !== null) return;
    const nodes = nodesNamed(topology, word);
    // Of several names, one that is unknown must not be passed over.
    if (nodes.length === 0) throw nothingSelected(topology, word);
    for (const node of nodes) named.add(node);
  });
  let nodes = topology.nodes.filter((node) => named.size === 0 || named.has(node));
  for (const some of descriptions) if (some !== null) nodes = nodes.filter((node) => some.includes(node));
  if (words.length === 0 || nodes.length === 0) throw nothingSelected(topology, selector);
  return nodes;
}

/** The one node that the words name. */
export function selectOne(topology: Topology, selector: string): NodeView {
  const nodes = selectNodes(topology, selector);
  if (nodes.length === 1) return nodes[0]!;
  throw new CliFailure(`'${selector}' names ${nodes.length} nodes, but exactly one is needed`, {
    code: 'AMBIGUOUS_NODE',
    exit: EXIT.usage,
    why: nodes.map(describe).join(', '),
    suggestions: [`give one of them: ${formatPorts(nodes.map(({ port }) => port))}`],
  });
}

/** The nodes that a describing word fits; null for a word that names a node. */
function described(topology: Topology, word: string): readonly NodeView[] | null {
  const { nodes } = topology;
  if (word === 'all') return nodes;
  const role = ROLES[word as keyof typeof ROLES];
  if (role !== undefined) return nodes.filter((node) => node.role === role);
  if (word === 'up' || word === 'down') return nodes.filter((node) => node.reachable === (word === 'up'));
  const shard = /^shard:(\d+)$/.exec(word);
  if (shard !== null) return nodes.filter((node) => node.shard === Number(shard[1]) && node.shard > 0);
  const slot = /^slot:(\d+)$/.exec(word);
  return slot === null ? null : nodesOfSlot(topology, Number(slot[1]));
}

function nodesNamed({ nodes }: Topology, word: string): readonly NodeView[] {
  const byAddress = nodes.filter((node) => node.address === word || String(node.port) === word);
  if (byAddress.length > 0) return byAddress;
  // A port that nobody has must not name whoever's id happens to begin with the same digits.
  if (!/^[0-9a-f]{4,40}$/i.test(word) || /^\d{1,5}$/.test(word)) return [];
  const byId = nodes.filter((node) => node.id?.startsWith(word.toLowerCase()));
  if (byId.length > 1) throw ambiguousId(word, byId);
  return byId;
}

function nodesOfSlot({ shards, nodes }: Topology, slot: number): readonly NodeView[] {
  const shard = shards.find(({ slots }) => slots.some(({ start, end }) => slot >= start && slot <= end));
  return nodes.filter((node) => shard !== undefined && node.shard === shard.number);
}

function ambiguousId(word: string, nodes: readonly NodeView[]): CliFailure {
  return new CliFailure(`'${word}' is ambiguous: ${nodes.length} node ids begin with it`, {
    code: 'AMBIGUOUS_NODE',
    exit: EXIT.usage,
    why: nodes.map((node) => `${node.address} is ${node.id}`).join(', '),
    suggestions: ['give more characters of the id, or the port'],
  });
}

function nothingSelected(topology: Topology, selector: string): CliFailure {
  const { nodes } = topology;
  return new CliFailure(`no node matches '${selector}'`, {
    code: 'NO_NODE',
    exit: EXIT.usage,
    why:
      nodes.length === 0
        ? 'the cluster has no nodes'
        : (whyOutside(topology, selector) ?? whyContradictory(topology, selector) ?? describeAll(nodes)),
    suggestions: [
      ...selector.split(/\s+/).flatMap((word) => (WORDS.includes(word) ? [] : meantBy(word))),
      'a port, an address or the beginning of an id',
      'primary, replica, up, down, shard:2 or slot:5461, also several of them',
    ],
  });
}

function meantBy(word: string): string[] {
  const meant = nearest(word, WORDS);
  return meant === null ? [] : [`did you mean '${meant}'?`];
}

/** A number that no shard or slot of this cluster has, or a slot that nobody owns. */
function whyOutside(topology: Topology, selector: string): string | null {
  const word = selector
    .split(/\s+/)
    .find((one) => described(topology, one)?.length === 0 && /^(shard|slot):/.test(one));
  if (word === undefined) return null;
  const { length } = topology.shards;
  if (word.startsWith('shard:')) {
    if (length === 0) return 'the cluster has no shards: no node owns slots';
    return length === 1 ? 'the cluster has one shard, shard:1' : `shards are numbered from shard:1 to shard:${length}`;
  }
  const isSlot = Number(word.slice('slot:'.length)) < SLOTS;
  return isSlot ? `no node owns ${word.replace(':', ' ')}` : `slots are numbered from slot:0 to slot:${SLOTS - 1}`;
}

/** Words of which each alone fits some nodes: somebody took 'shard:1 shard:2' for both. */
function whyContradictory(topology: Topology, selector: string): string | null {
  const words = selector.split(/\s+/).filter(Boolean);
  const some = (word: string) => (described(topology, word) ?? nodesNamed(topology, word)).length > 0;
  if (words.length < 2 || !words.every(some)) return null;
  return 'words that describe nodes narrow: only nodes that all of them fit are meant, and here there is none';
}

/** By role and in ranges, where the ports alone tell nodes apart: a large cluster has hundreds. */
function describeAll(nodes: readonly NodeView[]): string {
  if (new Set(nodes.map(({ host }) => host)).size > 1) return `its nodes are ${nodes.map(describe).join(', ')}`;
  const roles = Map.groupBy(nodes, ({ role }) => role);
  const texts = [...roles].map(([role, some]) => {
    const word = { primary: 'primaries', replica: 'replicas', unknown: 'others' }[role];
    return `${some.length === 1 ? role : word} ${formatPorts(some.map(({ port }) => port))}`;
  });
  return `its nodes are ${texts.join(', ')}`;
}

function describe(node: NodeView): string {
  const shard = node.shard === 0 ? '' : ` of shard ${node.shard}`;
  return `${node.address} (${node.reachable ? '' : 'down '}${node.role}${shard})`;
}
