/*
 * What a cluster spec must be, wherever it comes from: flags, a file, or a program. All mistakes are collected, because
 * nobody wants to learn them one run at a time.
 */
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { isNotUtf8 } from '../../base/byte-text.ts';
import { didYouMean } from '../../base/nearest.ts';
import { SLOTS } from '../../base/slot.ts';
import { CLUSTER_NAME_RULE, isClusterName } from '../machine/layout.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { whyBadDirective } from './directive-check.ts';
import type { ClusterSpec } from './spec.ts';

export interface Mistake {
  readonly path: readonly string[];
  readonly text: string;
}

/** Enough for any machine that the whole cluster fits on; beyond it, the gossip of one host says nothing. */
const NODES_MAX = 1000;

type Rule = (value: unknown) => string | null;

const RULES: Readonly<Record<keyof ClusterSpec, Rule>> = {
  version: (value) => (value === 1 ? null : 'expected 1'),
  name: nameRule,
  engine: matching(/\S/, "'bundled', 'redis', 'valkey' or the path of a server binary"),
  host: hostRule,
  port: (value) => whyBadPort(value),
  primaries: integer(1, NODES_MAX),
  replicas: integer(0, NODES_MAX - 1),
  config: configRule,
  tls: (value) => (typeof value === 'boolean' ? null : 'expected true or false'),
  password: (value) => (value === null ? null : passwordRule(value)),
  template: (value) => (value === null || typeof value === 'string' ? null : 'expected the path of a folder'),
  engines: enginesRule,
};

/** Directives whose values the orchestrator chooses: another value would part the node from its cluster. */
const OURS: Readonly<Record<string, string>> = {
  port: 'use `port`',
  'tls-port': 'use `port` and `tls`',
  'cluster-enabled': 'every node is a cluster node',
  'cluster-config-file': 'it is kept in the folder of the node',
  'cluster-port': `the bus listens ${BUS_PORT_OFFSET.toLocaleString('en')} above the port`,
  dir: 'it is the folder of the node',
  daemonize: 'rkv starts and supervises the nodes',
  supervised: 'rkv starts and supervises the nodes',
  pidfile: 'it is kept in the folder of the node',
  logfile: 'the log is server.log in the folder of the node',
  requirepass: 'use `password`',
  masterauth: 'use `password`',
  primaryauth: 'use `password`',
  replicaof: 'rkv assigns the replicas',
  slaveof: 'rkv assigns the replicas',
};

/** Everything wrong with a spec in which some fields may be missing. */
export function findMistakes(raw: unknown): Mistake[] {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return [{ path: [], text: 'expected fields such as `primaries: 3`' }];
  }
  const mistakes: Mistake[] = [];
  for (const [field, value] of Object.entries(raw)) {
    if (!Object.hasOwn(RULES, field)) {
      mistakes.push({ path: [field], text: unknownField(field) });
      continue;
    }
    if (field === 'config' && isRecord(value)) {
      mistakes.push(...findConfigMistakes(value, (raw as Partial<ClusterSpec>).engine ?? 'bundled'));
      continue;
    }
    const text = RULES[field as keyof ClusterSpec](value);
    if (text !== null) mistakes.push({ path: [field], text: `${field}: ${text}` });
  }
  return mistakes.length > 0 ? mistakes : findSizeMistakes(raw);
}

function unknownField(field: string): string {
  const known = Object.keys(RULES);
  const meant = didYouMean(field, known);
  return `unknown field '${field}'${meant === '' ? `; known fields: ${known.join(', ')}` : meant}`;
}

/** Throws one failure with every mistake. */
export function validateSpec(spec: ClusterSpec): void {
  const mistakes = findMistakes(spec);
  if (mistakes.length === 0) return;
  throw new CliFailure('invalid cluster description', {
    code: 'BAD_SPEC',
    exit: EXIT.usage,
    why: mistakes[0]!.text,
    evidence: mistakes.slice(1).map((mistake) => mistake.text),
    suggestions: ['--dry-run     # checks it again, and starts nothing'],
  });
}

/** Why a node may not be given this value of a directive, or null. */
function whyBadConfig(name: string, value: string, engine: string): string | null {
  const known = name.toLowerCase();
  if (Object.hasOwn(OURS, known)) return `${name} is set by rkv: ${OURS[known]}`;
  // It becomes a line of node.conf, and a line break would begin another.
  if (/[\r\n\0]/.test(value)) return `${name}: the value must not contain line breaks`;
  return whyBadDirective(name, value, engine);
}

function findConfigMistakes(config: Readonly<Record<string, unknown>>, engine: string): Mistake[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.flatMap((one: unknown): Mistake[] => {
      if (!['string', 'number', 'boolean'].includes(typeof one)) {
        return [{ path: ['config', name], text: `config: ${name} needs a value, or a list of values` }];
      }
      const word = typeof one === 'boolean' ? (one ? 'yes' : 'no') : String(one);
      const why = whyBadConfig(name, word, engine);
      return why === null ? [] : [{ path: ['config', name], text: `config: ${why}` }];
    });
  });
}

/** Rules between fields; asked only when each field is right by itself. */
function findSizeMistakes(spec: Partial<ClusterSpec>): Mistake[] {
  const primaries = spec.primaries ?? 3;
  const nodes = primaries * (1 + (spec.replicas ?? 1));
  const last = (spec.port ?? 7000) + nodes - 1;
  if (nodes > NODES_MAX) {
    return [{ path: ['replicas'], text: `${nodes} nodes are too many for one machine: at most ${NODES_MAX}` }];
  }
  if (primaries > SLOTS) return [{ path: ['primaries'], text: `there are only ${SLOTS} slots` }];
  if (last + BUS_PORT_OFFSET > 65_535) {
    const highest = 65_535 - BUS_PORT_OFFSET - nodes + 1;
    return [
      {
        path: ['port'],
        text: `port: the bus of the last node would need port ${last + BUS_PORT_OFFSET}, and ports end at 65535; choose ${highest} or lower`,
      },
    ];
  }
  return [];
}

function nameRule(value: unknown): string | null {
  return typeof value === 'string' && isClusterName(value) ? null : `expected ${CLUSTER_NAME_RULE}`;
}

function matching(pattern: RegExp, expected: string): Rule {
  return (value) => (typeof value === 'string' && pattern.test(value) ? null : `expected ${expected}`);
}

function integer(min: number, max: number): Rule {
  return (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? null
      : `expected a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`;
}

/** Why a node cannot have this port, or null: its bus needs another one above it. */
export function whyBadPort(value: unknown): string | null {
  const highest = 65_535 - BUS_PORT_OFFSET;
  if (!Number.isInteger(value) || (value as number) < 1) {
    return `expected a port from 1 to ${highest}, not ${JSON.stringify(value)}`;
  }
  if ((value as number) <= highest) return null;
  const why = `the bus listens ${BUS_PORT_OFFSET.toLocaleString('en')} above the port, and ports end at 65535`;
  return `${value} is too high: ${why}; choose ${highest} or lower`;
}

function hostRule(value: unknown): string | null {
  if (typeof value !== 'string' || !/^[A-Za-z0-9.:_-]+$/.test(value)) return 'expected an address or a host name';
  if (value === '0.0.0.0' || value === '::') {
    return `${value} cannot be announced to other nodes; name one address, and widen \`bind\` in config`;
  }
  return null;
}

function passwordRule(value: unknown): string | null {
  if (typeof value !== 'string') return 'expected a text; put quotes around it';
  if (value === '') return 'expected a text, not an empty one';
  if (isNotUtf8(value)) return 'must be UTF-8';
  // It stands between quotes in node.conf, on one line.
  return /[\r\n\0]/.test(value) ? 'must not contain line breaks' : null;
}

function configRule(value: unknown): string | null {
  return isRecord(value) ? null : 'expected directives such as `appendonly: yes`';
}

function enginesRule(value: unknown): string | null {
  const isMap = isRecord(value) && Object.entries(value).every(([k, v]) => /^\d+$/.test(k) && typeof v === 'string');
  return isMap ? null : 'expected a map from ports to engines';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
