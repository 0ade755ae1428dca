/*
 * The reply of CLUSTER NODES: one node's view of the whole cluster.
 * <id> <ip:port@busport[,hostname]> <flags> <primary id or -> <ping-sent> <pong-received> <epoch> <link> <slots…>
 */
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import type { SlotRange } from '../../base/slot.ts';

export interface OpenSlot {
  readonly slot: number;
  readonly direction: 'migrating' | 'importing';
  /** Where it goes to, or comes from. */
  readonly peer: string;
}

/** One line: what the asked node believes of one node. */
export interface SeenNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string | null;
  readonly flags: readonly string[];
  readonly isMyself: boolean;
  readonly role: 'primary' | 'replica' | 'unknown';
  readonly primaryId: string | null;
  readonly pingSent_ms: number;
  readonly pongReceived_ms: number;
  readonly epoch: number;
  readonly connected: boolean;
  readonly slots: readonly SlotRange[];
  /** Known of oneself only. */
  readonly open: readonly OpenSlot[];
}

/** Throws on a line that no Redis would write: better loud than a node left out. */
export function parseClusterNodes(text: string): SeenNode[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseLine);
}

function parseLine(line: string): SeenNode {
  const [id, endpoint, flagText, primary, pingSent, pongReceived, epoch, link, ...slotTexts] = line.trim().split(' ');
  const address = /^(.*):(\d+)(?:@(\d+))?(?:,(.*))?$/.exec(endpoint ?? '');
  if (id === undefined || address === null || flagText === undefined || link === undefined) {
    throw new Error(`not a line of CLUSTER NODES: '${line}'`);
  }
  const flags = flagText === 'noflags' ? [] : flagText.split(',');
  const port = Number(address[2]);
  const { slots, open } = parseSlots(slotTexts);
  return {
    id,
    host: address[1]!,
    port,
    busPort: address[3] === undefined ? port + BUS_PORT_OFFSET : Number(address[3]),
    hostname: address[4]?.split(',')[0] || null,
    flags: flags.filter((flag) => flag !== 'myself'),
    isMyself: flags.includes('myself'),
    role: flags.includes('master') ? 'primary' : flags.includes('slave') ? 'replica' : 'unknown',
    primaryId: primary === undefined || primary === '-' ? null : primary,
    pingSent_ms: Number(pingSent),
    pongReceived_ms: Number(pongReceived),
    epoch: Number(epoch),
    connected: link === 'connected',
    slots,
    open,
  };
}

function parseSlots(texts: readonly string[]): { slots: SlotRange[]; open: OpenSlot[] } {
  const slots: SlotRange[] = [];
  const open: OpenSlot[] = [];
  for (const text of texts) {
    const moving = /^\[(\d+)-([<>])-([0-9a-f]+)\]$/.exec(text);
    if (moving !== null) {
      const direction = moving[2] === '>' ? 'migrating' : 'importing';
      open.push({ slot: Number(moving[1]), direction, peer: moving[3]! });
      continue;
    }
    const range = /^(\d+)(?:-(\d+))?$/.exec(text);
    if (range !== null) slots.push({ start: Number(range[1]), end: Number(range[2] ?? range[1]) });
  }
  return { slots, open };
}
