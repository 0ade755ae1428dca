/*
 * How long one command keeps all other clients waiting: a million elements read, written, copied or deleted at once,
 * and a transaction of a million commands, with the memory that it takes while it is queued.
 */
import { connect } from 'node:net';
import { BenchClient, longestPing_ms, request } from './client.ts';
import { type BenchServer, KINDS, type Kind, mainThreadCpu_ns, median, residentBytes, start } from './servers.ts';

export interface StallResult {
  command: string;
  /** The longest that a PING waited meanwhile, milliseconds, medians of the rounds; and the least of the rounds. */
  longestPing_ms: Record<Kind, number>;
  shortest_ms: Record<Kind, number>;
  /** CPU time of the server's main thread, from the request to the last byte of the reply. */
  cpu_ms: Record<Kind, number>;
  ratio: number;
}

export interface StallFigures {
  elements: number;
  stalls: StallResult[];
  /** Bytes that a queued command of a transaction takes, by the growth of the resident set. */
  queuedBytes: Record<Kind, number>;
}

interface Case {
  command: string;
  /** Brought about before each round, not measured. */
  before: (string | number)[][];
  work: (elements: number) => string;
}

const ELEMENT_BYTES = 50;
const BATCH = 1000;
const DONE = Buffer.from('+PONG\r\n');

const CASES: readonly Case[] = [
  { command: 'LRANGE 0 -1', before: [], work: () => request(['LRANGE', 'list', 0, -1]) },
  { command: 'DUMP of a list', before: [], work: () => request(['DUMP', 'list']) },
  { command: 'SMEMBERS', before: [], work: () => request(['SMEMBERS', 'set']) },
  { command: 'DUMP of a set', before: [], work: () => request(['DUMP', 'set']) },
  { command: 'MGET', before: [], work: (elements) => many('MGET', [], elements, (i) => [keyOf(i)]) },
  { command: 'KEYS *', before: [], work: () => request(['KEYS', '*']) },
  { command: 'COPY of a list', before: [['DEL', 'twin']], work: () => request(['COPY', 'list', 'twin']) },
  { command: 'COPY of a set', before: [['DEL', 'twin']], work: () => request(['COPY', 'set', 'twin']) },
  { command: 'DEL of a list', before: [['COPY', 'list', 'twin']], work: () => request(['DEL', 'twin']) },
  { command: 'DEL of a set', before: [['COPY', 'set', 'twin']], work: () => request(['DEL', 'twin']) },
  {
    command: 'LPUSH',
    before: [['DEL', 'twin']],
    work: (elements) => many('LPUSH', ['twin'], elements, (i) => [elementOf(i)]),
  },
  {
    command: 'SADD',
    before: [['DEL', 'twin']],
    work: (elements) => many('SADD', ['twin'], elements, (i) => [elementOf(i)]),
  },
  {
    command: 'LPOP of all',
    before: [
      ['DEL', 'twin'],
      ['COPY', 'list', 'twin'],
    ],
    work: (elements) => request(['LPOP', 'twin', elements]),
  },
  {
    command: 'SREM',
    before: [
      ['DEL', 'twin'],
      ['COPY', 'set', 'twin'],
    ],
    work: (elements) => many('SREM', ['twin'], elements, (i) => [elementOf(i)]),
  },
  { command: 'MSET', before: [], work: (elements) => many('MSET', [], elements, (i) => [keyOf(i), elementOf(i)]) },
  // Sent with what it runs: while that comes in, others are served between the pieces.
  { command: 'EXEC', before: [], work: (elements) => `${request(['MULTI'])}${sets(elements)}${request(['EXEC'])}` },
  { command: 'DEL of keys', before: [], work: (elements) => many('DEL', [], elements, (i) => [keyOf(i)]) },
];

export async function benchStalls(options: { elements: number; rounds: number; port: number }): Promise<StallFigures> {
  const { elements, rounds, port } = options;
  const servers = await Promise.all(KINDS.map((kind, i) => start(kind, port + i)));
  try {
    for (const server of servers) await fillServer(server.port, elements);
    const stalls: StallResult[] = [];
    for (const one of CASES) {
      const bytes = `${one.work(elements)}PING\r\n`;
      stalls.push(
        await compare(one.command, servers, rounds, async (server) => {
          const client = await BenchClient.open(server.port);
          for (const args of one.before) await client.ask(...args);
          client.close();
          return () => drained(server.port, bytes);
        }),
      );
    }
    const queuedBytes = {} as Record<Kind, number>;
    for (const server of servers) queuedBytes[server.kind] = await growthOfTransaction(server, elements);
    return { elements, stalls, queuedBytes };
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function compare(
  command: string,
  servers: readonly BenchServer[],
  rounds: number,
  prepare: (server: BenchServer) => Promise<() => Promise<void>>,
): Promise<StallResult> {
  const pings: Record<Kind, number[]> = { redis: [], rkv: [] };
  const cpu: Record<Kind, number[]> = { redis: [], rkv: [] };
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const work = await prepare(server);
      const before = mainThreadCpu_ns(server.pid);
      pings[server.kind].push(await longestPing_ms(server.port, work));
      cpu[server.kind].push((mainThreadCpu_ns(server.pid) - before) / 1e6);
    }
  }
  const of = (values: Record<Kind, number[]>, figure: (all: number[]) => number): Record<Kind, number> => ({
    redis: figure(values.redis),
    rkv: figure(values.rkv),
  });
  const longest = of(pings, median);
  return {
    command,
    longestPing_ms: longest,
    shortest_ms: of(pings, (all) => Math.min(...all)),
    cpu_ms: of(cpu, (all) => Math.min(...all)),
    ratio: longest.rkv / longest.redis,
  };
}

/** Bytes of the resident set for each command that is queued. */
async function growthOfTransaction(server: BenchServer, commands: number): Promise<number> {
  const client = await BenchClient.open(server.port);
  await client.ask('MULTI');
  const before = residentBytes(server.pid);
  for (let from = 0; from < commands; from += BATCH) {
    let batch = '';
    for (let i = from; i < from + BATCH; i++) batch += request(['SET', keyOf(i), elementOf(i)]);
    await client.send(batch, BATCH);
  }
  const growth = residentBytes(server.pid) - before;
  await client.ask('DISCARD');
  client.close();
  return growth / commands;
}

/** Sends what ends with a PING, and reads until that is answered; the replies are thrown away as they come. */
function drained(port: number, bytes: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(256 * 1024),
        callback: (size, buffer) => {
          const isDone = size >= DONE.length && DONE.compare(buffer as Buffer, size - DONE.length, size) === 0;
          if (isDone) {
            socket.destroy();
            resolve();
          }
          return true;
        },
      },
    });
    socket.on('error', reject);
    socket.on('connect', () => socket.write(bytes));
  });
}

async function fillServer(port: number, elements: number): Promise<void> {
  const client = await BenchClient.open(port);
  for (let from = 0; from < elements; from += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, elements - from) }, (_, i) => from + i);
    await client.ask('RPUSH', 'list', ...some.map(elementOf));
    await client.ask('SADD', 'set', ...some.map(elementOf));
    await client.ask('MSET', ...some.flatMap((i) => [keyOf(i), elementOf(i)]));
  }
  client.close();
}

function many(name: string, first: string[], elements: number, each: (i: number) => string[]): string {
  const args = [name, ...first];
  for (let i = 0; i < elements; i++) for (const arg of each(i)) args.push(arg);
  return request(args);
}

function sets(elements: number): string {
  return Array.from({ length: elements }, (_, i) => request(['SET', keyOf(i), elementOf(i)])).join('');
}

function elementOf(i: number): string {
  return `${String(i).padStart(10, '0')}`.padEnd(ELEMENT_BYTES, 'e');
}

function keyOf(i: number): string {
  return `key:${i}`;
}
