/*
 * Everything about a new cluster that can be known to be wrong before the first process is started: its spec, its engines,
 * its templates. What passes here may still fail for the machine: ports, disk, memory.
 */
import { existsSync } from 'node:fs';
import { splitWords, trimLine } from '../../config/words.ts';
import { resolveEngine } from '../machine/engine.ts';
import { type EngineVersion, readVersion, whyTooNew } from '../machine/engine-version.ts';
import { checkFolder, isThere, lockFile, specFile, unfinishedFile } from '../machine/layout.ts';
import { isLocked } from '../machine/lock.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { type ClusterPlan, type NodePlan, planCluster } from '../spec/plan.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import { renderNodeConf } from '../spec/template.ts';

/** The plan, or a failure that names what is to be changed. */
export function preflight(spec: ClusterSpec, { home }: { home: string }): ClusterPlan {
  checkFolder(home);
  const plan = planCluster(spec, { home });
  checkEnginePorts(plan);
  // The bundled server is of this very package.
  const others = [...new Set(plan.nodes.map(({ engine }) => engine))].filter((engine) => engine !== 'bundled');
  const versions = new Map(others.map((engine) => [engine, readVersion(resolveEngine(engine))]));
  if (plan.nodes.some(({ engine }) => engine === 'bundled')) resolveEngine('bundled');
  for (const node of plan.nodes) checkConf(plan, node, versions.get(node.engine) ?? null);
  if (isThere(specFile(plan.folder))) throw nameTaken(plan);
  return plan;
}

export function nameTaken(plan: ClusterPlan): CliFailure {
  const flag = plan.name === 'default' ? '' : ` --cluster ${plan.name}`;
  const isUnfinished = existsSync(unfinishedFile(plan.folder));
  const isMade = isUnfinished && isLocked(lockFile(plan.folder));
  return new CliFailure(`cluster ${plan.name} already exists`, {
    code: 'CLUSTER_EXISTS',
    exit: EXIT.conflict,
    why: isMade
      ? 'another command is creating it'
      : isUnfinished
        ? 'its creation was interrupted'
        : `${plan.folder} holds its files`,
    suggestions: [
      ...(isMade
        ? ['rkv cluster list']
        : [`rkv cluster start${flag}${isUnfinished ? '     # finishes it' : ''}`, `rkv cluster destroy${flag}`]),
      'rkv cluster create --cluster another --port auto',
    ],
  });
}

/** Fails where an engine is given to a port that no node of the plan has. */
export function checkEnginePorts({ spec, nodes }: ClusterPlan): void {
  const ports = new Set(nodes.map(({ port }) => String(port)));
  const strangers = Object.keys(spec.engines).filter((port) => !ports.has(port));
  if (strangers.length === 0) return;
  throw new CliFailure('this cluster cannot be created', {
    code: 'BAD_SPEC',
    exit: EXIT.usage,
    why: `engines: no node will have port ${strangers.join(', ')}; the nodes are ${nodes[0]!.port}-${nodes.at(-1)!.port}`,
    suggestions: ['name only these ports in `engines`'],
  });
}

function checkConf({ spec, folder }: ClusterPlan, node: NodePlan, version: EngineVersion | null): void {
  const directives = readDirectives(renderNodeConf(spec, folder, node));
  const fail = (message: string, why?: string): CliFailure =>
    new CliFailure(message, { code: 'BAD_TEMPLATE', exit: EXIT.usage, why });
  const where = spec.template === null ? 'the configuration' : `the template in ${spec.template}`;
  if (directives.get('cluster-enabled') !== 'yes') {
    throw fail(`${where} has no line \`cluster-enabled yes\``, `node ${node.port} would not be a cluster node`);
  }
  if (directives.get(spec.tls ? 'tls-port' : 'port') !== String(node.port)) {
    throw fail(`${where} does not set the port of its node`, `node ${node.port} would listen on another port`);
  }
  for (const name of version === null ? [] : directives.keys()) {
    const why = whyTooNew(name, version!);
    if (why !== null) throw fail(`${node.engine} cannot run as configured`, why);
  }
}

/** The first word of each directive, the last time it stands there. */
function readDirectives(conf: string): Map<string, string> {
  const lines = conf.split('\n').map((line) => splitWords(trimLine(line)) ?? []);
  return new Map(
    lines.flatMap(([name, value = '']) =>
      name === undefined || name.startsWith('#') ? [] : [[name.toLowerCase(), value]],
    ),
  );
}
