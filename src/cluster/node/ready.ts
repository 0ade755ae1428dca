/*
 * When is a cluster ready? Pure, and answered with the first thing that is missing: the same sentence is the progress of
 * a wait, and the reason when its time is up.
 */
import { formatRanges } from '../../base/slot.ts';
import type { SeenNode } from './cluster-nodes.ts';

export interface NamedMember {
  readonly id: string;
  /** 'host:port' */
  readonly name: string;
  readonly busPort: number;
}

export interface ExpectedMember extends NamedMember {
  readonly primaryId: string | null;
  /** As CLUSTER NODES writes them. */
  readonly slots: string;
}

type View = readonly SeenNode[];

/** The reason why not every member sees every other one connected, or null. `views` in the order of `members`. */
export function whyNotJoined(members: readonly NamedMember[], views: readonly View[]): string | null {
  for (const [index, view] of views.entries()) {
    const seen = new Map(view.map((node) => [node.id, node]));
    const { name } = members[index]!;
    for (const other of members) {
      const node = seen.get(other.id);
      const target = `${other.name} (bus ${other.busPort})`;
      if (node === undefined) return `waiting for ${name} to see ${target}`;
      if (node.isMyself) continue;
      if (!node.connected || node.flags.includes('handshake')) return `waiting for ${name} to connect to ${target}`;
      const ill = node.flags.find((flag) => flag === 'fail' || flag === 'fail?' || flag === 'noaddr');
      if (ill !== undefined) return `waiting for ${name} to clear '${ill}' of ${target}`;
    }
  }
  return null;
}

/** The reason why the cluster is not yet as expected in the eyes of every member, or null. */
export function whyNotReady(
  members: readonly ExpectedMember[],
  views: readonly View[],
  states: readonly string[],
): string | null {
  const notJoined = whyNotJoined(members, views);
  if (notJoined !== null) return notJoined;
  for (const [index, view] of views.entries()) {
    const { name } = members[index]!;
    const seen = new Map(view.map((node) => [node.id, node]));
    for (const other of members) {
      const node = seen.get(other.id)!;
      const role = other.primaryId === null ? 'primary' : 'replica';
      if (node.role !== role || node.primaryId !== other.primaryId) {
        return `waiting for ${name} to learn that ${other.name} is a ${role}`;
      }
      if (formatRanges(node.slots) !== other.slots) {
        return `waiting for ${name} to learn the slots of ${other.name}`;
      }
    }
    if (states[index] !== 'ok') return `waiting for ${name} to call the cluster ok (it says ${states[index]})`;
  }
  return null;
}
