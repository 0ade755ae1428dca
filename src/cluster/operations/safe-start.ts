/*
 * A primary that died with its data in memory alone comes back empty, and its replicas then copy that emptiness. So it is
 * started only once a replica has taken its place; the node then follows that one, and gets the data from there.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatRanges } from '../../base/slot.ts';
import type { NodeFiles } from '../machine/layout.ts';
import { valueInConf } from '../machine/node-conf.ts';
import { formatAddress } from '../node/address.ts';
import { observe } from '../observe/topology.ts';
import { type Deadline, pause } from '../run/deadline.ts';
import { CliFailure, EXIT, interrupted } from '../run/failure.ts';
import type { StepReport } from '../run/run.ts';
import type { ManagedCluster } from '../topology/target.ts';
import type { NodeView, Topology } from '../topology/view.ts';

const LOOK_MS = 100;
const QUESTION_MS = 2000;

/** Of nodes that are down: may this one have lost its data? True also where its files do not say. */
export function mayComeBackEmpty(files: NodeFiles, { died }: { died: boolean }): boolean {
  if (valueInConf(files.config, 'appendonly')?.toLowerCase() === 'yes') return !hasFile(files.data, LOG);
  return died || !hasFile(files.data, DUMP);
}

/**
 * Until none of these ports is the primary of slots that a replica holds data of. Fails with WOULD_LOSE_DATA, and with
 * the way out, when no replica takes over in time, or none can.
 */
export async function awaitTakenOver(
  cluster: ManagedCluster,
  ports: readonly number[],
  { deadline, signal, report }: { deadline: Deadline; signal: AbortSignal; report: StepReport },
): Promise<void> {
  if (ports.length === 0) return;
  const observer = observe(cluster, { timeout_ms: QUESTION_MS });
  try {
    for (;;) {
      if (signal.aborted) throw interrupted('the start');
      const topology = await observer.read();
      const [risk] = ports.flatMap((port) => riskOf(topology, { host: cluster.spec.host, port }) ?? []);
      if (risk === undefined) return;
      const left_ms = deadline.left_ms();
      if (left_ms === 0 || !hasMajority(topology)) throw wouldLoseData(risk, topology);
      report.wait(`waiting for ${risk.replica.address} to take over from ${risk.primary.address}`, left_ms);
      await pause(Math.min(LOOK_MS, left_ms), signal);
    }
  } finally {
    observer.close();
  }
}

interface Risk {
  readonly primary: NodeView;
  readonly replica: NodeView;
}

function riskOf(topology: Topology, address: { host: string; port: number }): Risk | null {
  const primary = topology.nodes.find((node) => node.address === formatAddress(address));
  if (primary?.role !== 'primary' || primary.slotCount === 0) return null;
  const replicas = topology.nodes.filter((node) => node.reachable && node.primaryId === primary.id);
  const [replica] = replicas
    .filter(({ keys }) => keys !== 0)
    .toSorted((one, other) => lastOffset(other) - lastOffset(one));
  return replica === undefined ? null : { primary, replica };
}

function lastOffset({ replication }: NodeView): number {
  return replication.offset ?? 0;
}

/** Without one no replica is elected, however long one waits. */
function hasMajority({ shards }: Topology): boolean {
  return shards.filter(({ primary }) => primary.reachable).length * 2 > shards.length;
}

function wouldLoseData({ primary, replica }: Risk, topology: Topology): CliFailure {
  const has = replica.keys === null ? 'data' : `${replica.keys.toLocaleString('en')} keys`;
  return new CliFailure(`node ${primary.address} would come back empty, and its replica would then be emptied too`, {
    code: 'WOULD_LOSE_DATA',
    exit: EXIT.refused,
    why: `it kept nothing on disk; ${replica.address} has ${has} of slots ${formatRanges(primary.slots)}`,
    evidence: hasMajority(topology) ? [] : ['most primaries do not answer, so no replica can be elected'],
    suggestions: [
      `rkv cli -p ${replica.port} cluster failover takeover     # makes ${replica.port} the primary; then start the node again`,
    ],
  });
}

const DUMP = /\.rdb$/;
/** In a folder of its own, or beside the dump where the engine is older. */
const LOG = /\.(aof|manifest)$/;

/** One that is not empty. */
function hasFile(folder: string, name: RegExp): boolean {
  return filesBelow(folder).some((file) => name.test(file) && statSync(file, { throwIfNoEntry: false })?.size);
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));
  } catch {
    // A folder that is not there holds nothing.
    return [];
  }
}
