/*
 * Before anything is started: are the ports free? A server that finds its port taken dies with a line in a log; asked
 * beforehand, the user learns who has it.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { findHolders, type PortHolder } from './port-holder.ts';

export interface PortClaim {
  readonly host: string;
  readonly port: number;
  /** The node's client port: what a person knows the node by. */
  readonly node: number;
  readonly use: 'clients' | 'bus';
}

export function claimsOf(nodes: readonly { host: string; port: number; busPort: number }[]): PortClaim[] {
  return nodes.flatMap(({ host, port, busPort }): PortClaim[] => [
    { host, port, node: port, use: 'clients' },
    { host, port: busPort, node: port, use: 'bus' },
  ]);
}

/** Longer than a look at a port takes; up to twice that, so that two that meet once do not meet again. */
const LOOK_AGAIN_MS = 50;
const LOOKS_MAX = 2;

/** Fails with PORT_IN_USE, naming each port and, where it can be known, who has it. */
export async function checkPorts(claims: readonly PortClaim[]): Promise<void> {
  const look = async (claim: PortClaim): Promise<{ claim: PortClaim; why: string | null }> => {
    return { claim, why: await whyNotBound(claim) };
  };
  let refusals = await Promise.all(claims.map(look));
  // Another command that looks at the same port has it for a moment.
  for (let again = 0; again < LOOKS_MAX && refusals.some(({ why }) => why !== null); again++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS * (1 + Math.random())));
    refusals = await Promise.all(refusals.map((one) => (one.why === 'EADDRINUSE' ? look(one.claim) : one)));
  }
  const taken = refusals.filter(({ why }) => why !== null);
  const [first] = taken;
  if (first === undefined) return;
  const { claim } = first;
  if (first.why === 'EADDRNOTAVAIL' || first.why === 'ENOTFOUND') {
    throw new CliFailure(`cannot listen on ${claim.host}`, {
      code: 'BAD_HOST',
      exit: EXIT.usage,
      why: `${claim.host} is not an address of this machine`,
      suggestions: ['--host 127.0.0.1'],
    });
  }
  const refused = taken.map(({ claim: taking, why }) => ({ claim: taking, why: why as string }));
  const holders = findHolders(refused.map(({ claim: taking }) => taking.port));
  const reasons = reasonsFor(refused, holders);
  const isKnown = taken.every(({ claim: taking }) => (holders.get(taking.port)?.pid ?? null) !== null);
  const clients = taken.filter((one) => one.claim.use === 'clients').map((one) => one.claim.port);
  const named = clients.length > 0 ? clients : taken.map((one) => one.claim.port);
  const free = await findFreeBase(claims);
  throw new CliFailure(`${portsAre(named)} not free`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    why: reasons[0],
    evidence: reasons.slice(1),
    suggestions: [
      ...(free === null ? [] : [`--port ${free}`]),
      '--port auto',
      ...(isKnown ? [] : [`sudo ss -tanp 'sport = :${claim.port}'     # shows which process uses it`]),
    ],
  });
}

/** Ports that the system also gives to outgoing connections may be taken at any moment; '' when there are none. */
export function whyEphemeral(claims: readonly PortClaim[]): string {
  const range = readNumbers('/proc/sys/net/ipv4/ip_local_port_range');
  const [low, high] = range;
  if (low === undefined || high === undefined) return '';
  const reserved = reservedPorts();
  const isInside = (port: number): boolean => port >= low && port <= high && !reserved.has(port);
  const inside = claims.map(({ port }) => port).filter(isInside);
  if (inside.length === 0) return '';
  const them = inside.length === 1 ? 'it' : 'one';
  return `${portsLie(inside)} in the range for outgoing connections (${low}-${high}): another program may take ${them} at any time`;
}

/** A base from `first` on where the ports of as many nodes are free; null when there is none. */
export async function findFreePlace({
  host,
  first,
  count,
}: {
  host: string;
  first: number;
  count: number;
}): Promise<number | null> {
  const nodes = Array.from({ length: count }, (_, i) => ({
    host,
    port: first + i,
    busPort: first + i + BUS_PORT_OFFSET,
  }));
  const claims = claimsOf(nodes);
  const answers = await Promise.all(claims.map(whyNotBound));
  return answers.every((why) => why === null) ? first : await findFreeBase(claims);
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
function reasonsFor(refusals: readonly Refusal[], holders: ReadonlyMap<number, PortHolder>): string[] {
  const sentences = Map.groupBy(refusals, ({ claim, why }) => whyTaken(claim, why, holders.get(claim.port)));
  return [...sentences].map(([sentence, some]) => {
    const ports = some.map(({ claim }) => claim);
    return `${portNames(ports)} ${ports.length === 1 ? 'is' : 'are'} ${sentence}`;
  });
}

function portNames(claims: readonly PortClaim[]): string {
  const [clients, buses] = (['clients', 'bus'] as const).map((use) => claims.filter((claim) => claim.use === use));
  const [bus, ...more] = buses!;
  const names = clients!.length === 0 ? [] : [formatPorts(clients!.map(({ port }) => port))];
  if (bus !== undefined && more.length === 0)
    names.push(`${bus.port} (the cluster bus of node ${bus.node}, always port + ${BUS_PORT_OFFSET})`);
  else if (bus !== undefined)
    names.push(`${formatPorts(buses!.map(({ port }) => port))} (the cluster bus, always port + ${BUS_PORT_OFFSET})`);
  return names.join(' and ');
}

function whyTaken({ port }: PortClaim, why: string, holder: PortHolder | undefined): string {
  if (why === 'EACCES')
    return port < 1024 ? 'reserved for privileged users, like all ports below 1024' : 'not permitted';
  if (why !== 'EADDRINUSE') return `unavailable: ${why}`;
  if (holder === undefined) return 'in use';
  const use = holder.use === 'listens' ? 'in use by' : 'in use by an outgoing connection of';
  if (holder.pid === null) return `${use} a process of another user`;
  if (holder.cluster !== null) return `${use} cluster ${holder.cluster} of rkv`;
  return `${use} process ${holder.pid}: ${shorten(holder.command)}`;
}

/** 'port 7000 is', 'ports 7000-7005 and 7010 are' */
function portsAre(ports: readonly number[]): string {
  return ports.length === 1 ? `port ${ports[0]} is` : `ports ${formatPorts(ports)} are`;
}

function portsLie(ports: readonly number[]): string {
  return ports.length === 1 ? `port ${ports[0]} lies` : `ports ${formatPorts(ports)} lie`;
}

/** 7000-7005 and 7010 */
export function formatPorts(ports: readonly number[]): string {
  const runs: number[][] = [];
  for (const port of ports.toSorted((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === port - 1) run.push(port);
    else runs.push([port]);
  }
  const texts = runs.map((run) => (run.length === 1 ? `${run[0]}` : `${run[0]}-${run.at(-1)}`));
  return [texts.slice(0, -1).join(', '), ...texts.slice(-1)].filter((text) => text !== '').join(' and ');
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

/** How far from the ports that were wished for others are looked at. */
const SHIFT_MAX = 5000;

/** A base some hundreds further on, where all of the same ports are free, and none is given to outgoing connections. */
async function findFreeBase(claims: readonly PortClaim[]): Promise<number | null> {
  const clients = claims.filter(({ use }) => use === 'clients').map(({ port }) => port);
  const first = Math.min(...clients);
  for (let shift = 100; shift <= SHIFT_MAX; shift += 100) {
    const moved = claims.map((claim) => ({ ...claim, port: claim.port + shift }));
    if (Math.max(...moved.map(({ port }) => port)) > 65_535) return null;
    if (whyEphemeral(moved) !== '' && whyEphemeral(claims) === '') continue;
    const answers = await Promise.all(moved.map(whyNotBound));
    if (answers.every((why) => why === null)) return first + shift;
  }
  return null;
}

/** '32768\t60999' */
function readNumbers(path: string): number[] {
  try {
    return readFileSync(path, 'utf8').trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** Within the range, but not given away: '8080,9148-9150'. */
function reservedPorts(): Set<number> {
  const ports = new Set<number>();
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_reserved_ports', 'utf8').trim();
    for (const part of text === '' ? [] : text.split(',')) {
      const [first = 0, last = first] = part.split('-').map(Number);
      for (let port = first; port <= last; port++) ports.add(port);
    }
  } catch {
    // None are, as far as this system tells.
  }
  return ports;
}
