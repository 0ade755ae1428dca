/*
 * A plan says everything that `cluster create` will do, before anything is done: it is what `--dry-run` prints, and what
 * the steps carry out. Pure: the same spec and the same home give the same plan.
 */
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { Prng } from '../../base/prng.ts';
import type { SlotRange } from '../../base/slot.ts';
import { clusterFolder, nodeFolder } from '../machine/layout.ts';
import { allocateSlots, placeNodes } from './allocate.ts';
import { whyWithoutEffect } from './directive-check.ts';
import { warnOfForeignPrimary } from './engine-mix.ts';
import type { ClusterSpec } from './spec.ts';
import { validateSpec } from './validate.ts';

export interface NodePlan {
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly engine: string;
  readonly role: 'primary' | 'replica';
  /** Counted from 1. */
  readonly shard: number;
  /** Empty for replicas. */
  readonly slots: readonly SlotRange[];
  /** The port of the primary that a replica follows. */
  readonly replicaOf: number | null;
  readonly folder: string;
}

export interface ClusterPlan {
  readonly version: 1;
  readonly name: string;
  readonly folder: string;
  readonly spec: ClusterSpec;
  readonly nodes: readonly NodePlan[];
  /** Said before anything is done: fewer than three primaries, ports of the ephemeral range, … */
  readonly warnings: readonly string[];
}

export function planCluster(spec: ClusterSpec, { home }: { home: string }): ClusterPlan {
  validateSpec(spec);
  const folder = clusterFolder(home, spec.name);
  const count = spec.primaries * (1 + spec.replicas);
  const ports = Array.from({ length: count }, (_, index) => ({ host: spec.host, port: spec.port + index }));
  // One host: chance has no part in it, so any seed will do.
  const { shards } = placeNodes(ports, { primaries: spec.primaries, replicas: spec.replicas, prng: new Prng(0) });
  const ranges = allocateSlots(spec.primaries);
  const nodes = shards.flatMap(({ primary, replicas }, index) => {
    return [
      planNode(spec, folder, { shard: index + 1, port: primary.port, replicaOf: null, slots: [ranges[index]!] }),
      ...replicas.map(({ port }) =>
        planNode(spec, folder, { shard: index + 1, port, replicaOf: primary.port, slots: [] }),
      ),
    ];
  });
  nodes.sort((one, other) => one.port - other.port);
  return {
    version: 1,
    name: spec.name,
    folder,
    spec,
    nodes,
    warnings: [...warningsOf(spec), ...warnForeignPrimaries(nodes)],
  };
}

/** A node as `spec` has it, wherever in the cluster it stands. */
export function planNode(
  spec: ClusterSpec,
  folder: string,
  node: Pick<NodePlan, 'port' | 'shard' | 'slots' | 'replicaOf'>,
): NodePlan {
  return {
    host: spec.host,
    port: node.port,
    busPort: node.port + BUS_PORT_OFFSET,
    engine: spec.engines[String(node.port)] ?? spec.engine,
    role: node.replicaOf === null ? 'primary' : 'replica',
    shard: node.shard,
    slots: node.slots,
    replicaOf: node.replicaOf,
    folder: nodeFolder(folder, node.port),
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** With fewer than three primaries, those that are left when one fails are no majority. */
export function warnFewPrimaries(primaries: number): string[] {
  if (primaries >= 3) return [];
  const count = primaries === 1 ? 'one primary' : 'two primaries';
  return [`with ${count}, no majority is left when one fails, so no replica can be promoted: use at least 3 primaries`];
}

function warnForeignPrimaries(nodes: readonly NodePlan[]): string[] {
  return nodes.flatMap(({ port, engine, replicaOf }) => {
    const primary = nodes.find((node) => node.port === replicaOf);
    const isForeign = engine === 'bundled' && primary !== undefined && primary.engine !== 'bundled';
    return isForeign ? [warnOfForeignPrimary(`node ${port}`, `node ${primary.port}`, primary.engine)] : [];
  });
}

function warningsOf(spec: ClusterSpec): string[] {
  const warnings = warnFewPrimaries(spec.primaries);
  if (spec.replicas === 0) warnings.push('no replicas: when a node fails, its slots are no longer served');
  if (!isLoopback(spec.host) && spec.password === null) {
    warnings.push(`no password: anyone who can reach ${spec.host} can read and write`);
  }
  return [...warnings, ...warnWithoutEffect(spec)];
}

/** What is accepted and changes nothing is said before it is relied on. */
function warnWithoutEffect({ config, engine, engines }: ClusterSpec): string[] {
  const isBundled = [engine, ...Object.values(engines)].includes('bundled');
  if (!isBundled) return [];
  return Object.keys(config).flatMap((given) => {
    const reason = whyWithoutEffect(given);
    return reason === null ? [] : [`${given} has no effect in the bundled server: ${reason}`];
  });
}
