/*
 * Before anything is started: are the ports free? A server that finds its port taken dies with a line in a log; asked
 * beforehand, the user learns who has it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { CliFailure, EXIT } from './failure.ts';
import { BUS_OFFSET } from './validate.ts';

export interface PortClaim {
  readonly host: string;
  readonly port: number;
  /** The node's client port: what a person knows the node by. */
  readonly node: number;
  readonly use: 'clients' | 'bus';
}

export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

export function claimsOf(nodes: readonly { host: string; port: number; busPort: number }[]): PortClaim[] {
  return nodes.flatMap(({ host, port, busPort }): PortClaim[] => [
    { host, port, node: port, use: 'clients' },
    { host, port: busPort, node: port, use: 'bus' },
  ]);
}

/** Fails with PORT_IN_USE, naming each port and, where it can be known, who has it. */
export async function checkPorts(claims: readonly PortClaim[]): Promise<void> {
  const refusals = await Promise.all(claims.map(async (claim) => ({ claim, why: await whyNotBound(claim) })));
  const taken = refusals.filter(({ why }) => why !== null);
  const [first] = taken;
  if (first === undefined) return;
  const { claim } = first;
  const reasons = reasonsFor(taken.map(({ claim: taking, why }) => ({ claim: taking, why: why as string })));
  if (first.why === 'EADDRNOTAVAIL' || first.why === 'ENOTFOUND') {
    throw new CliFailure(`no node can listen on ${claim.host}`, {
      code: 'BAD_HOST',
      exit: EXIT.usage,
      why: `${claim.host} is not an address of this machine`,
      suggestions: ['--host 127.0.0.1'],
    });
  }
  const free = await findFreeBase(claims);
  throw new CliFailure(`port ${claim.port} is not free`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    why: reasons[0],
    evidence: reasons.slice(1),
    suggestions: [
      ...(free === null ? [] : [`--port ${free}`]),
      `ss -ltnp 'sport = :${claim.port}'          to see who has it`,
    ],
  });
}

/** Ports that the system also gives to outgoing connections may be taken at any moment; '' when there are none. */
export function whyEphemeral(claims: readonly PortClaim[]): string {
  let low: number;
  let high: number;
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    [low, high] = text.trim().split(/\s+/).map(Number) as [number, number];
  } catch {
    return '';
  }
  const inside = claims.filter(({ port }) => port >= low && port <= high).map(({ port }) => port);
  if (inside.length === 0) return '';
  const span = inside.length === 1 ? `port ${inside[0]} lies` : `ports ${inside[0]}-${inside.at(-1)} lie`;
  return `${span} in the range of outgoing connections (${low}-${high}): another program may take one at any time`;
}

/** Who listens on a port of this machine, from /proc; null where that cannot be known. */
export function findHolder(port: number): PortHolder | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  for (const entry of readFolder('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    for (const fd of readFolder(`/proc/${entry}/fd`)) {
      try {
        const socket = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${entry}/fd/${fd}`));
        if (socket === null || !inodes.has(socket[1]!)) continue;
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return { pid: Number(entry), command };
      } catch {
        // Gone, or somebody else's: not ours to see.
      }
    }
  }
  return null;
}

/** The error code with which binding fails, or null when the port is free. */
export async function whyNotBound({ host, port }: { host: string; port: number }): Promise<string | null> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

interface Refusal {
  claim: PortClaim;
  why: string;
}

/** One sentence for each process that is in the way, or for each port where that cannot be known. */
function reasonsFor(refusals: readonly Refusal[]): string[] {
  const sentences = new Map<string, PortClaim[]>();
  for (const { claim, why } of refusals) {
    const sentence = whyTaken(claim, why);
    sentences.set(sentence, [...(sentences.get(sentence) ?? []), claim]);
  }
  return [...sentences].map(([sentence, claims]) => `${claims.map(portName).join(' and ')} ${sentence}`);
}

function portName({ port, node, use }: PortClaim): string {
  return use === 'clients' ? `${port}` : `${port}, the bus port of node ${node} (always port + ${BUS_OFFSET}),`;
}

function whyTaken({ port }: PortClaim, why: string): string {
  if (why === 'EACCES') return 'may not be bound: ports below 1024 need privileges';
  if (why !== 'EADDRINUSE') return `cannot be bound: ${why}`;
  const holder = findHolder(port);
  return holder === null ? 'is in use' : `is in use by process ${holder.pid}: ${shorten(holder.command)}`;
}

const COMMAND_COLUMNS = 60;

/** The program and its arguments, without where it and its interpreter lie. An interpreter with options stays. */
function shorten(command: string): string {
  const words = command.split(' ');
  const runsScript = /(^|\/)(node|python3?|ruby|bash|sh)$/.test(words[0] ?? '') && !words[1]?.startsWith('-');
  const script = runsScript ? words.slice(1) : words;
  const [program = '', ...rest] = script;
  const text = [program.slice(program.lastIndexOf('/') + 1), ...rest].join(' ');
  return text.length > COMMAND_COLUMNS ? `${text.slice(0, COMMAND_COLUMNS - 1)}…` : text;
}

/** A base a few hundred further on, where all of the same ports are free. */
async function findFreeBase(claims: readonly PortClaim[]): Promise<number | null> {
  const clients = claims.filter(({ use }) => use === 'clients').map(({ port }) => port);
  const first = Math.min(...clients);
  for (let shift = 100; shift <= 1000; shift += 100) {
    if (Math.max(...claims.map(({ port }) => port)) + shift > 65_535) return null;
    const answers = await Promise.all(claims.map((claim) => whyNotBound({ ...claim, port: claim.port + shift })));
    if (answers.every((why) => why === null)) return first + shift;
  }
  return null;
}

function listeningInodes(port: number): Set<string> {
  const inodes = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try {
      text = readFileSync(table, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A is LISTEN.
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A') inodes.add(fields[9]!);
    }
  }
  return inodes;
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
