import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/server/gossip/codec.ts';
import {
  EXTENSION_FORGOTTEN_NODE,
  EXTENSION_HOSTNAME,
  EXTENSION_NODENAME,
  EXTENSION_SHARD_ID,
  type Extension,
  HAS_EXTENSIONS,
  type Heartbeat,
} from '../../src/server/gossip/message.ts';
import { shards } from '../../src/server/gossip/report.ts';
import { shardIdOf } from '../../src/server/gossip/state.ts';
import { A, B, header, Lab, ME, type Peer, R, range, replies } from './support.ts';

const SHARD = 'd'.repeat(40);
const OTHER = 'e'.repeat(40);

const hostname: Extension = { type: EXTENSION_HOSTNAME, data: Buffer.from('a.example\0\0\0\0\0\0\0') };
const shard = (id: string): Extension => ({ type: EXTENSION_SHARD_ID, data: Buffer.from(id) });

/** The node pings us, with these records, or as one of 7.0 does; what we answer. */
function pinged(lab: Lab, id: string, extensions: readonly Extension[] | null, peer: Peer = {}): Heartbeat {
  const messageFlags = extensions === null ? 0 : HAS_EXTENSIONS;
  const head = header(id, { ...peer, messageFlags });
  const [pong] = replies(lab.hear({ type: 0, header: head, gossip: [], extensions: extensions ?? [] }));
  return pong as Heartbeat;
}

function recordsIn({ extensions }: Heartbeat): Record<number, string> {
  return Object.fromEntries(extensions.map(({ type, data }) => [type, data.toString('latin1').replace(/\0+$/, '')]));
}

describe('records behind heartbeats', () => {
  test('go to nobody who has not shown that he knows them, and the mark that we do goes to all', () => {
    const lab = new Lab({ announceNodename: 'first' });
    lab.know(A);
    const toOld = pinged(lab, A, null);
    expect([toOld.header.messageFlags & HAS_EXTENSIONS, toOld.extensions]).toEqual([HAS_EXTENSIONS, []]);
    // A node of 7.0 that has a hostname.
    pinged(lab, A, [hostname]);
    expect(pinged(lab, A, [hostname]).extensions).toEqual([]);
    expect(lab.node(A).hostname).toBe('a.example');
  });

  test('go to those who mark their messages, as all do since 7.2', () => {
    for (const records of [[], [shard(SHARD)], [hostname, shard(SHARD)]]) {
      const lab = new Lab({ announceNodename: 'first', announceHostname: 'me.example' });
      lab.know(A);
      pinged(lab, A, records);
      expect(recordsIn(pinged(lab, A, records))).toEqual({
        [EXTENSION_HOSTNAME]: 'me.example',
        [EXTENSION_NODENAME]: 'first',
        [EXTENSION_SHARD_ID]: ME,
      });
    }
  });

  test('are none but the hostname in the profile of 7.0', () => {
    const lab = new Lab({ announceNodename: 'first', tellsShards: false });
    lab.know(A);
    pinged(lab, A, [shard(SHARD)]);
    const { header: head, extensions } = pinged(lab, A, [shard(SHARD)]);
    expect([head.messageFlags & HAS_EXTENSIONS, extensions]).toEqual([0, []]);
  });

  test('a node that an operator has us forget is named to the others, who then forget it as well', () => {
    const lab = new Lab();
    lab.know(A);
    lab.know(B);
    pinged(lab, A, []);
    lab.command({ type: 'forget', node: B });
    const pong = pinged(lab, A, []);
    const record = pong.extensions.find(({ type }) => type === EXTENSION_FORGOTTEN_NODE)!;
    expect(record.data.toString('latin1', 0, 40)).toBe(B);
    expect(Number(record.data.readBigUInt64BE(40))).toBe(60);
    const other = new Lab();
    other.know(A);
    other.know(B);
    pinged(other, A, [record]);
    expect(other.state.nodes.has(B)).toBe(false);
    lab.wait(61_000);
    expect(lab.state.forgotten.size).toBe(0);
  });

  test('survive the way over the wire', () => {
    const lab = new Lab({ announceNodename: 'first' });
    lab.know(A);
    pinged(lab, A, []);
    const bytes = encodeMessage(pinged(lab, A, []));
    const again = decodeMessage(bytes, 0, bytes.length) as Heartbeat;
    expect(recordsIn(again)).toEqual({ [EXTENSION_NODENAME]: 'first', [EXTENSION_SHARD_ID]: ME });
  });
});

describe('the shard of a node', () => {
  test('is the one its primary tells, whatever a replica says', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(0, 99), epoch: 2 });
    lab.know(R, { primary: A });
    pinged(lab, A, [shard(SHARD)], { slots: range(0, 99), epoch: 2 });
    pinged(lab, R, [shard(OTHER)], { primary: A });
    expect([A, R].map((id) => shardIdOf(lab.node(id)))).toEqual([SHARD, SHARD]);
  });

  test('has the name of its primary while that cannot tell', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(0, 99), epoch: 2 });
    lab.know(R, { primary: A });
    expect([A, R].map((id) => shardIdOf(lab.node(id)))).toEqual([A, A]);
  });

  test('is the same under the replica that takes it over, and one item of CLUSTER SHARDS', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(0, 99), epoch: 2 });
    lab.know(R, { primary: A });
    pinged(lab, A, [shard(SHARD)], { slots: range(0, 99), epoch: 2 });
    // R was elected; A has failed, and nobody has heard of it since.
    pinged(lab, R, [shard(SHARD)], { slots: range(0, 99), epoch: 3 });
    expect([A, R].map((id) => shardIdOf(lab.node(id)))).toEqual([SHARD, SHARD]);
    const of = shards(lab.state, 0).find(({ members }) => members.some(({ node }) => node.id === A))!;
    expect(of.members.map(({ node, role }) => [node.id, role]).sort()).toEqual([
      [R, 'master'],
      [A, 'master'],
    ]);
    expect(of.slots).toEqual([{ start: 0, end: 99 }]);
    // As a replica of R it is in the same shard.
    pinged(lab, A, [shard(SHARD)], { primary: R });
    expect(shardIdOf(lab.node(A))).toBe(SHARD);
  });

  test('is another one for a replica that leaves by CLUSTER RESET', () => {
    const lab = new Lab();
    lab.know(A, { slots: range(0, 99), epoch: 2 });
    pinged(lab, A, [shard(SHARD)], { slots: range(0, 99), epoch: 2 });
    lab.command({ type: 'replicate', node: A });
    expect(shardIdOf(lab.state.myself)).toBe(SHARD);
    lab.command({ type: 'reset', hard: false });
    expect(shardIdOf(lab.state.myself)).toMatch(/^[0-9a-f]{40}$/);
    expect(shardIdOf(lab.state.myself)).not.toBe(SHARD);
  });
});
