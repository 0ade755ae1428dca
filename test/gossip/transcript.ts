/*
 * Transcripts: text files that drive a small cluster and hold everything that it does in answer. A block of commands
 * ends with a line of dashes; what follows, up to an empty line, is what happened:
 *
 *   nodes A B C               new nodes, named; their ids begin with the name's letter
 *   form A B C; a of A        a cluster at rest: primaries share the slots, replicas follow; what it takes is not shown
 *   A: addslots 0-99          a CLUSTER command on a node, with names for ids and addresses
 *   wait 500                  time passes, in milliseconds
 *   kill A, start A           the process ends, and starts again from its nodes.conf
 *   split A a | B C, heal     the network falls in parts, and is whole again
 *   writes on, writes off     clients write to all primaries, or do not
 *   show A | show all         the node's view of the cluster
 *   hear heartbeats           pings and pongs are shown too, from here on
 *
 * After a change, `RKV_REWRITE=1 npx vitest run test/gossip` writes the files anew: commit only a diff you can explain.
 */
import { SLOTS } from '../../src/base/slot.ts';
import type { Effect } from '../../src/server/gossip/effect.ts';
import type { Command } from '../../src/server/gossip/event.ts';
import { formatFlags, MYSELF } from '../../src/server/gossip/flags.ts';
import { FAIL, MESSAGE_NAMES, type Message, UPDATE } from '../../src/server/gossip/message.ts';
import { type ClusterNode, ownerOf } from '../../src/server/gossip/state.ts';
import { whyNoAgreement } from '../sim/checkers.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { EPOCH_MS, Simulation } from '../sim/simulation.ts';

const DASHES = /^-{4,}$/;

/** Runs the commands of a transcript; answers it with what happened this time. */
export function replay(text: string): string {
  const player = new Player();
  const out: string[] = [];
  let inOutput = false;
  for (const line of text.trimEnd().split('\n')) {
    if (inOutput) {
      if (line.trim() !== '') continue;
      inOutput = false;
    }
    out.push(line);
    if (DASHES.test(line)) {
      inOutput = true;
      out.push(...player.takeLines());
      out.push('');
    } else if (line.trim() !== '' && !line.startsWith('#')) {
      player.run(line.trim());
    }
  }
  // The empty line after an output block was both kept and added.
  return `${out
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

class Player {
  #sim: Simulation | null = null;
  #names: string[] = [];
  #lines: string[] = [];
  #heartbeats = false;
  #quiet = false;

  takeLines(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  run(line: string): void {
    const command = /^(\w+): (.+)$/.exec(line);
    if (command !== null) {
      this.#command(this.#node(command[1] as string), (command[2] as string).split(' '));
      return;
    }
    const [verb, ...rest] = line.split(' ') as [string, ...string[]];
    const { nodes } = this.#sim ?? { nodes: [] };
    switch (verb) {
      case 'nodes':
        this.#create(rest);
        break;
      case 'form':
        this.#form(rest.join(' '));
        break;
      case 'wait':
        this.#simulation().advance(Number(rest[0]));
        break;
      case 'kill':
        this.#simulation().crash(this.#node(rest[0] as string), { power: false });
        break;
      case 'start':
        this.#simulation().boot(this.#node(rest[0] as string));
        break;
      case 'split':
        this.#split(rest.join(' '));
        break;
      case 'heal':
        this.#simulation().heal();
        break;
      case 'writes':
        this.#simulation().writing = rest[0] === 'on';
        break;
      case 'hear':
        this.#heartbeats = true;
        break;
      case 'show':
        for (const node of rest[0] === 'all' ? nodes : [this.#node(rest[0] as string)]) this.#show(node);
        break;
      default:
        throw new Error(`no such command: ${line}`);
    }
  }

  #simulation(): Simulation {
    if (this.#sim === null) throw new Error("a transcript begins with 'nodes' or 'form'");
    return this.#sim;
  }

  #node(name: string): SimNode {
    const index = this.#names.indexOf(name);
    if (index === -1) throw new Error(`no node ${name}`);
    return this.#simulation().nodes[index] as SimNode;
  }

  #create(names: string[]): void {
    this.#names = names;
    // In the order of their names, since the order of ids decides collisions.
    const ids = names.map((name, i) => `${name.toLowerCase()}${'0'.repeat(37)}${String(i + 10)}`);
    this.#sim = new Simulation({ seed: 1, nodes: names.length, ids });
    this.#sim.observers.push({ effect: (node, effect) => this.#note(node, effect) });
  }

  /** "A B C; a of A, b of B" */
  #form(text: string): void {
    const [primaryText, replicaText] = text.split(';') as [string, string | undefined];
    const primaries = primaryText.trim().split(' ');
    const replicas = (replicaText ?? '').split(',').filter((part) => part.trim() !== '');
    const pairs = replicas.map((part) => part.trim().split(' of ') as [string, string]);
    this.#create([...primaries, ...pairs.map(([replica]) => replica)]);
    this.#quiet = true;
    const sim = this.#simulation();
    primaries.forEach((name, i) => {
      const start = Math.floor((i * SLOTS) / primaries.length);
      const end = Math.floor(((i + 1) * SLOTS) / primaries.length);
      const slots = Array.from({ length: end - start }, (_, at) => start + at);
      sim.command(this.#node(name), { type: 'setConfigEpoch', epoch: i + 1 });
      sim.command(this.#node(name), { type: 'addSlots', slots });
    });
    const [first, ...others] = sim.nodes as [SimNode, ...SimNode[]];
    for (const other of others) sim.command(other, { type: 'meet', ip: first.ip, port: 7000, busPort: 17000 });
    sim.advance(1000);
    for (const [replica, primary] of pairs) this.#command(this.#node(replica), ['replicate', primary]);
    sim.writing = true;
    sim.advance(2000);
    sim.writing = false;
    sim.advance(1000);
    const why = whyNoAgreement(sim);
    if (why !== null) throw new Error(`the cluster was not formed: ${why}`);
    this.#quiet = false;
    // Readable times: they count from here.
    this.#start_ms = sim.now_ms;
  }

  #start_ms = EPOCH_MS;

  #split(text: string): void {
    const parts = text.split('|').map((part) => part.trim().split(' '));
    this.#simulation().partition((node) => parts.findIndex((part) => part.includes(this.#nameOf(node))));
  }

  #command(node: SimNode, words: string[]): void {
    const result = this.#simulation().command(node, this.#parse(words));
    const text = 'error' in result ? result.error : result.status;
    if (text !== 'OK') this.#say(node, text);
  }

  #parse(words: string[]): Command {
    const [verb, a = '', b = '', c = ''] = words.map((word) => word.toLowerCase()) as [string, ...string[]];
    const idOf = (name: string): string =>
      this.#node(words[words.findIndex((w) => w.toLowerCase() === name)] ?? '').firstId;
    switch (verb) {
      case 'meet':
        return { type: 'meet', ip: this.#node(words[1] ?? '').ip, port: 7000, busPort: 17000 };
      case 'addslots':
        return { type: 'addSlots', slots: slotsOf(a) };
      case 'delslots':
        return { type: 'delSlots', slots: slotsOf(a) };
      case 'setslot':
        if (b === 'stable') return { type: 'setSlotStable', slot: Number(a) };
        return {
          type: b === 'migrating' ? 'setSlotMigrating' : b === 'importing' ? 'setSlotImporting' : 'setSlotNode',
          slot: Number(a),
          node: this.#node(words[3] ?? c).firstId,
        };
      case 'set-config-epoch':
        return { type: 'setConfigEpoch', epoch: Number(a) };
      case 'bumpepoch':
        return { type: 'bumpEpoch' };
      case 'replicate':
        return { type: 'replicate', node: idOf(a) };
      case 'forget':
        return { type: 'forget', node: idOf(a) };
      case 'reset':
        return { type: 'reset', hard: a === 'hard' };
      case 'failover':
        return { type: 'failover', mode: a === 'force' ? 'force' : a === 'takeover' ? 'takeover' : 'agreed' };
      default:
        throw new Error(`no such CLUSTER command: ${verb}`);
    }
  }

  #note(node: SimNode, effect: Effect): void {
    if (this.#quiet) return;
    switch (effect.type) {
      case 'send':
      case 'reply':
        this.#noteMessage(node, effect.message, this.#receiver(node, effect));
        break;
      case 'persist':
        if (effect.fsync) this.#say(node, 'persist');
        break;
      case 'sync':
        this.#say(node, 'sync');
        break;
      case 'log':
        if (effect.level === 'warning' || effect.level === 'notice')
          this.#say(node, `"${this.#withNames(effect.text)}"`);
        break;
      case 'replicate':
        this.#say(node, `replicate ${this.#withNames(effect.node)}`);
        break;
      case 'becomePrimary':
      case 'pauseWrites':
      case 'resumeWrites':
      case 'flushData':
        this.#say(node, effect.type);
        break;
      case 'slotsLost':
        this.#say(node, `slots lost: ${effect.slots.length}`);
        break;
      default:
    }
  }

  #receiver(node: SimNode, effect: Effect & { type: 'send' | 'reply' }): string {
    const connection =
      effect.type === 'send' ? node.outgoing.get(effect.link)?.to : node.incoming.get(effect.link)?.from;
    return connection === undefined ? 'nobody' : this.#nameOf(connection);
  }

  #noteMessage(node: SimNode, message: Message, to: string): void {
    const name = MESSAGE_NAMES[message.type] as string;
    const { header } = message;
    if ('gossip' in message) {
      if (!this.#heartbeats) return;
      const about = message.gossip.map(({ id }) => this.#withNames(id));
      this.#say(node, `→ ${to}: ${name}${about.length > 0 ? ` about ${about.join(' ')}` : ''}`);
      return;
    }
    let text = `→ ${to}: ${name}`;
    if (message.type === FAIL) text += ` ${this.#withNames(message.failed)}`;
    else if (message.type === UPDATE) text += ` ${this.#withNames(message.owner)} epoch ${message.ownerEpoch}`;
    else text += ` epoch ${header.currentEpoch}${header.messageFlags === 0 ? '' : ` flags ${header.messageFlags}`}`;
    this.#say(node, text);
  }

  /** "A: primary of 0-5460, epoch 1, ok | b: replica of B" as the node sees it. */
  #show(node: SimNode): void {
    const { state } = node;
    if (state === null) {
      this.#say(node, 'is down');
      return;
    }
    const seen = [...state.list].sort((a, b) => (a.id < b.id ? -1 : 1)).map((other) => this.#describe(other));
    const unassigned = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => ownerOf(state, slot) === null);
    const health = state.ok ? 'ok' : 'down';
    const free = unassigned.length > 0 ? `, ${unassigned.length} slots free` : '';
    this.#say(node, `sees it ${health} at epoch ${state.currentEpoch}${free}`);
    for (const text of seen) this.#lines.push(`          ${text}`);
  }

  #describe(node: ClusterNode): string {
    const slots = node.slots.count() > 0 ? ` of ${node.slots.ranges().map(({ start, end }) => `${start}-${end}`)}` : '';
    const primary = node.primary === null ? '' : ` of ${this.#withNames(node.primary.id)}`;
    return `${this.#withNames(node.id)} ${formatFlags(node.flags & ~MYSELF)}${slots}${primary} epoch ${node.configEpoch}`;
  }

  #say(node: SimNode, text: string): void {
    const at_ms = this.#simulation().now_ms - this.#start_ms;
    this.#lines.push(`${String(at_ms).padStart(6)}  ${this.#nameOf(node)} ${text}`);
  }

  #nameOf(node: SimNode): string {
    return this.#names[node.index] as string;
  }

  #withNames(text: string): string {
    return text.replace(/[0-9a-z]{40}/g, (id) => {
      const index = this.#simulation().nodes.findIndex(({ firstId }) => firstId === id);
      return index === -1 ? 'someone' : (this.#names[index] as string);
    });
  }
}

/** "7", "0-99" */
function slotsOf(text: string): number[] {
  const [start, end = start] = text.split('-').map(Number) as [number, number?];
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}
