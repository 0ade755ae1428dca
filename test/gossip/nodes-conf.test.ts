/* The files in vectors/ were written by redis-server 7.0.15 and valkey-server 8.0.1. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatNodesConf, loadNodesConf, NodesConfError } from '../../src/server/gossip/nodes-conf.ts';
import { nodesText } from '../../src/server/gossip/report.ts';
import {
  type ClusterConfig,
  isFailed,
  isReplica,
  ownerOf,
  type State,
  shardIdOf,
} from '../../src/server/gossip/state.ts';
import { defaultConfig } from '../sim/sim-node.ts';
import { EPOCH_MS } from '../sim/simulation.ts';
import { A, Lab, ME, R, range } from './support.ts';

const VARS = 'vars currentEpoch 0 lastVoteEpoch 0\n';

function read(name: string): string {
  return readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'latin1');
}

function load(text: string, port = 7000, config: Partial<ClusterConfig> = {}): State {
  const all = { ...defaultConfig(), port, busPort: port + 10_000, ...config };
  return loadNodesConf(text, { config: all, now_ms: EPOCH_MS });
}

/** Lines in no order, without the times and the state of links, which belong to another life. */
function essence(text: string): string[] {
  return text
    .split('\n')
    .map((line) => {
      const words = line.split(' ');
      if (words.length < 8) return line;
      return [...words.slice(0, 4), words[6], ...words.slice(8)].join(' ');
    })
    .sort();
}

describe('files of others', () => {
  test.each([
    ['nodes.conf.migrating', 17101],
    ['nodes.conf.importing', 17102],
    ['nodes.conf.replica', 17104],
    ['nodes.conf.redis70_in_mixed_cluster', 17803],
  ])('%s is written again as it was read', (name, port) => {
    const text = read(name);
    // The hostname of a node is announced by its configuration, not by its file.
    const state = load(text, port, { tellsShards: false });
    const hostname = /(?<=@\d+,)[^ ]+(?= myself)/.exec(text)?.[0] ?? '';
    state.myself.hostname = hostname;
    state.myself.busPort = port + 11_000;
    expect(essence(formatNodesConf(state))).toEqual(essence(text));
  });

  test('an open slot is known after a start', () => {
    const { migratingTo, importingFrom } = load(read('nodes.conf.migrating'));
    expect([...migratingTo].map(([slot, { id }]) => [slot, id.slice(0, 6)])).toEqual([[100, 'b5daf5']]);
    expect(importingFrom.size).toBe(0);
    const other = load(read('nodes.conf.importing'));
    expect([...other.importingFrom].map(([slot, { id }]) => [slot, id.slice(0, 6)])).toEqual([[100, 'cdf25b']]);
  });

  test('a replica finds its primary', () => {
    const { myself, currentEpoch } = load(read('nodes.conf.replica'));
    expect(isReplica(myself)).toBe(true);
    expect(myself.primary?.id).toMatch(/^cdf25b/);
    expect(myself.configEpoch).toBe(0);
    expect(currentEpoch).toBe(4);
  });

  test('the file of a server since 7.2 is written again with its shards, ports and names', () => {
    const text = read('nodes.conf.valkey8');
    const announced = { announceHostname: 'vk-one.example', announceNodename: 'human-1' };
    const state = load(text, 17801, announced);
    state.myself.busPort = 28801;
    expect(essence(formatNodesConf(state))).toEqual(essence(text));
    const shard = shardIdOf(state.myself);
    expect(text).toContain(`shard-id=${shard}`);
    expect(state.list.filter((node) => shardIdOf(node) === shard)).toHaveLength(2);
  });

  test('to a server of 7.0 the fields that were read are not written', () => {
    const state = load(read('nodes.conf.valkey8'), 7000, { tellsShards: false });
    const named = state.nodes.get('ace0097afeb0cd5e138ec275a2566c1eaac2f611');
    expect(named).toBe(state.myself);
    expect(state.list.filter((node) => node.hostname.includes('='))).toEqual([]);
    expect(state.migratingTo.has(100)).toBe(true);
    expect(formatNodesConf(state)).not.toContain('shard-id');
  });
});

describe('our own file', () => {
  test('says after a start what it said before', () => {
    const lab = new Lab();
    lab.command({ type: 'addSlots', slots: [0, 1, 2, 9] });
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.know(R, { primary: A });
    lab.command({ type: 'setSlotMigrating', slot: 9, node: A });
    lab.command({ type: 'setSlotImporting', slot: 150, node: A });
    lab.state.lastVoteEpoch = 2;
    const text = formatNodesConf(lab.state);
    const again = load(text);
    expect(essence(formatNodesConf(again))).toEqual(essence(text));
    expect(ownerOf(again, 150)?.id).toBe(A);
    expect(again.bootedWithSlots).toBe(true);
    expect(again.lastVoteEpoch).toBe(2);
  });

  test('leaves out handshakes, which lead nowhere after a start', () => {
    const lab = new Lab();
    lab.command({ type: 'meet', ip: '10.0.0.9', port: 7001, busPort: 17001 });
    expect(nodesText(lab.state, { tls: false }).split('\n')).toHaveLength(3);
    expect(formatNodesConf(lab.state).split('\n')).toHaveLength(3);
    expect(formatNodesConf(lab.state)).toMatch(/\nvars currentEpoch 0 lastVoteEpoch 0\n$/);
  });

  test('a failed node is failed still, a suspected one has to prove it anew', () => {
    const text = `${ME} 10.0.0.5:7000@17000 myself,master - 0 0 0 connected 1
${A} 10.0.0.9:7001@17001 master,fail - 5 6 2 disconnected 2
${R} 10.0.0.9:7004@17004 slave,fail? ${A} 5 0 2 disconnected
vars currentEpoch 3 lastVoteEpoch 2
`;
    const state = load(text);
    expect(isFailed(state.nodes.get(A)!)).toBe(true);
    expect(state.nodes.get(A)!.pingSent_ms).toBe(EPOCH_MS);
    expect(state.nodes.get(R)!.flags).toBe(2);
  });

  test('an address may be IPv6, and may lack the bus port', () => {
    const state = load(
      `${ME} :0@0 myself,master - 0 0 0 connected\n${A} fe80::1:7001 master - 0 0 2 connected\n${VARS}`,
    );
    expect(state.nodes.get(A)).toMatchObject({ ip: 'fe80::1', port: 7001, busPort: 17001 });
    expect(state.currentEpoch).toBe(2);
  });
});

describe('damage is named, with its line', () => {
  test('a shard id that is none', () => {
    const line = `${ME} 10.0.0.5:7000@17000,,tls-port=0,shard-id=x myself,master - 0 0 0 connected`;
    expect(() => load(`${line}\n${VARS}`)).toThrow("line 1: 'x' is no shard id");
  });

  const mine = `${ME} 10.0.0.5:7000@17000 myself,master - 0 0 0 connected`;
  test.each([
    ['', "no line is about this node: the flag 'myself' is missing"],
    [`${A} 1.1.1.1:1@2 master - 0 0 0 connected`, "no line is about this node: the flag 'myself' is missing"],
    [`${mine}\n${mine}`, "line 2: a second line has the flag 'myself'"],
    [`${mine}\n\n${A} 1.1.1.1:1@2 master - 0 0 0`, 'line 3: expected 8 fields or more'],
    [`${mine}\nshort 1.1.1.1:1@2 master - 0 0 0 connected`, "line 2: 'short' is no node id"],
    [`${mine}\n${A} 1.1.1.1 master - 0 0 0 connected`, "line 2: '1.1.1.1' is no address"],
    [`${mine}\n${A} 1.1.1.1:99999 master - 0 0 0 connected`, "line 2: '99999' is no port"],
    [`${mine}\n${A} 1.1.1.1:1 master,odd - 0 0 0 connected`, "line 2: unknown flag in 'master,odd'"],
    [`${mine}\n${A} 1.1.1.1:1 master - 0 0 x connected`, "line 2: 'x' is no number"],
    [`${mine} 16384`, "line 1: '16384' is no slot"],
    [`${mine} 5-x`, "line 1: 'x' is no number"],
    [`${mine} [5->-nobody]`, "line 1: 'nobody' is no node id"],
    [`${mine} 5-4`, "line 1: '5-4' is no range of slots"],
    [`${mine} 5-6-7`, "line 1: '5-6-7' is no range of slots"],
    [`${mine} 5-9\n${A} 1.1.1.1:1 master - 0 0 1 connected 9-12`, `line 2: slot 9 belongs to node ${ME} already`],
    [`${mine} 5-9 7`, `line 1: slot 7 belongs to node ${ME} already`],
    [`${mine}\n${R} 1.1.1.1:1 slave ${A} 0 0 1 connected\n${VARS}`, `line 2: node ${A} is named, and has no line`],
    [`${mine} 5 [5->-${A}]\n${VARS}`, `line 1: node ${A} is named, and has no line`],
    [`${mine}\nvars currentEpoch`, 'line 2: a variable has no value'],
    [
      `${mine}\n${A} 1.1.1.1:1 master - 0 0 1 connected\n${A} 1.1.1.2:1 master - 0 0 1 connected`,
      `line 3: node ${A} has a line already, line 2`,
    ],
    [`${mine}\nvars currentEpoch -1`, "line 2: '-1' is no number"],
    [`${mine}\nvars currentEpoch 1\n`, 'line 2: lastVoteEpoch is missing'],
    [`${mine}\nvars lastVoteEpoch 1\n`, 'line 2: currentEpoch is missing'],
    [
      `${mine}\n`,
      "line 2: the line 'vars currentEpoch … lastVoteEpoch …' is missing here: what stood at the end is lost",
    ],
    [
      `${mine}\nvars currentEpoch 12 lastVoteEpoch 1`,
      "line 2: it has no end, the file was cut: '… currentEpoch 12 lastVoteEpoch 1'",
    ],
  ])('%j', (text, message) => {
    expect(() => load(text)).toThrow(expect.objectContaining({ name: 'NodesConfError', message }));
  });

  test('a file that was cut anywhere is refused', () => {
    const whole = `${mine} 0-100\n${A} 1.1.1.1:1@2 master - 0 0 3 connected 101-200\n${VARS}`;
    expect(load(whole).currentEpoch).toBe(3);
    for (let cut = 0; cut < whole.length; cut++) expect(() => load(whole.slice(0, cut))).toThrow(NodesConfError);
  });

  test('slots of a replica are no damage, and nobody’s', () => {
    const state = load(`${mine}\n${R} 1.1.1.1:1 slave ${ME} 0 0 0 connected 7\n${VARS}`);
    expect(ownerOf(state, 7)).toBeNull();
  });

  test('a variable we do not know is no damage', () => {
    expect(load(`${mine}\nvars currentEpoch 3 novelty 1 lastVoteEpoch 2\n`).lastVoteEpoch).toBe(2);
  });
});

const hasRedisServer = ((): boolean => {
  try {
    return execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).includes('v=7.0');
  } catch {
    return false;
  }
})();

describe.skipIf(!hasRedisServer)('redis-server 7.0', () => {
  test('starts with our file, and sees the cluster that we saw', async () => {
    const port = 22_010;
    const lab = new Lab({ port, busPort: port + 10_000, announceIp: '127.0.0.1', tellsShards: false });
    lab.command({ type: 'addSlots', slots: [0, 1, 2, 9] });
    lab.know(A, { slots: range(100, 199), epoch: 2 });
    lab.know(R, { primary: A });
    lab.command({ type: 'setSlotMigrating', slot: 9, node: A });
    lab.command({ type: 'setSlotImporting', slot: 150, node: A });
    const folder = mkdtempSync(join(tmpdir(), 'rkv-nodes-conf-'));
    writeFileSync(join(folder, 'nodes.conf'), formatNodesConf(lab.state));
    const options = { port: String(port), dir: folder, 'cluster-enabled': 'yes', save: '', 'protected-mode': 'no' };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const server = spawn('redis-server', args, { stdio: 'ignore' });
    try {
      const seen = await ask(port, 'CLUSTER NODES');
      const lines = seen.split('\n').filter((line) => /^[0-9a-f]{40} /.test(line));
      // The server finds its own neighbours unreachable by and by: that is no matter of the file.
      const settled = lines.map((line) => line.replace(/,fail\??/, '').trimEnd());
      expect(essence(settled.join('\n'))).toEqual(essence(nodesText(lab.state, { tls: false }).trimEnd()));
      expect(await ask(port, 'CLUSTER INFO')).toContain('cluster_current_epoch:2\r\n');
    } finally {
      server.kill('SIGKILL');
      await once(server, 'exit');
      rmSync(folder, { recursive: true });
    }
  });
});

/** The reply to an inline command, asked again until the server is there. */
async function ask(port: number, command: string): Promise<string> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await askOnce(port, command);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function askOnce(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write(`${command}\r\n`);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.startsWith('-')) throw new Error(text);
      const head = /^\$(\d+)\r\n/.exec(text);
      if (head !== null && text.length >= head[0].length + Number(head[1])) return text.slice(head[0].length);
    }
    throw new Error('the server closed the connection');
  } finally {
    socket.destroy();
  }
}
