/*
 * The second half of `cluster create`, and all of it for nodes that somebody else started: slots, introductions, replicas,
 * agreement.
 */
import { formatRanges, SLOTS } from '../../base/slot.ts';
import type { NodeClient } from '../node/client.ts';
import { hurryGossip } from '../node/pace.ts';
import { type Deadline, startDeadline } from '../run/deadline.ts';
import type { Step } from '../run/run.ts';
import {
  assignSlots,
  attachReplicas,
  awaitJoined,
  awaitLinks,
  awaitReady,
  type FormationWait,
  introduce,
  type Member,
} from './formation.ts';

/** Passed from step to step. */
export interface Forming {
  readonly deadline: Deadline;
  readonly clients: NodeClient[];
  members: readonly Member[];
  /** Gives the nodes their own timeout back. */
  pace: (() => Promise<void>) | null;
}

export function startForming(timeout_ms: number): Forming {
  return { deadline: startDeadline(timeout_ms), clients: [], members: [], pace: null };
}

export function endForming({ clients }: Forming): void {
  for (const client of clients) client.close();
}

export function formationSteps(forming: Forming, nodes: readonly { readonly role: 'primary' | 'replica' }[]): Step[] {
  const replicas = nodes.some(({ role }) => role === 'replica') ? [replicasStep(forming)] : [];
  return [slotsStep(forming), joinStep(forming), ...replicas, readyStep(forming)];
}

function slotsStep(forming: Forming): Step {
  return {
    id: 'slots',
    title: 'slots assigned',
    async run() {
      [forming.pace] = await Promise.all([hurryGossip(forming.clients), assignSlots(forming.members)]);
      const owners = forming.members.filter(({ slots }) => slots.length > 0);
      return `${SLOTS} over ${owners.length} ${owners.length === 1 ? 'primary' : 'primaries'}`;
    },
  };
}

function joinStep(forming: Forming): Step {
  return {
    id: 'join',
    title: 'nodes joined',
    async run(report, signal) {
      const wait: FormationWait = { report, deadline: forming.deadline, signal };
      await introduce(forming.members);
      // A replica need not wait until everyone has met everyone.
      await Promise.all([awaitJoined(forming.members, wait), attachReplicas(forming.members, wait)]);
      return 'every node sees every other';
    },
  };
}

function replicasStep(forming: Forming): Step {
  return {
    id: 'replicas',
    title: 'replicas attached',
    async run(report, signal) {
      await awaitLinks(forming.members, { report, deadline: forming.deadline, signal });
      const count = forming.members.filter(({ primary }) => primary !== null).length;
      return count === 1 ? '1 link up' : `${count} links up`;
    },
  };
}

function readyStep(forming: Forming): Step {
  return {
    id: 'ready',
    title: 'cluster ok',
    async run(report, signal) {
      await awaitReady(forming.members, { report, deadline: forming.deadline, signal });
      await forming.pace?.();
      return `all agree: ${forming.members
        .filter(({ slots }) => slots.length > 0)
        .map(({ slots }) => formatRanges(slots))
        .join(', ')}`;
    },
  };
}
