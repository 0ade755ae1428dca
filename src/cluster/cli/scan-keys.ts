/* `rkv cli --scan`: the names of all keys, batch by batch; of a cluster, those of every primary. */
import { type Address, formatAddress } from '../node/address.ts';
import { parseClusterNodes } from '../node/cluster-nodes.ts';
import type { Reply } from '../node/reply.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { CliSession } from './cli-session.ts';

export interface ScanOptions {
  readonly pattern: string | undefined;
  /** Keys that the server looks at for one batch. */
  readonly count: number;
  /** Also those of the other primaries. */
  readonly isCluster: boolean;
}

/** As SCAN has it: a key that is there all the time is named at least once. */
export async function* scanKeys(session: CliSession, options: ScanOptions): AsyncGenerator<readonly Buffer[]> {
  const places = options.isCluster ? await primariesOf(session) : [session.address];
  for (const [i, place] of places.entries()) {
    if (i > 0 || options.isCluster) await session.goTo(place);
    yield* scanNode(session, options);
  }
}

async function* scanNode(session: CliSession, { pattern, count }: ScanOptions): AsyncGenerator<readonly Buffer[]> {
  const match = pattern === undefined ? [] : ['MATCH', pattern];
  let cursor = '0';
  do {
    const reply = await ask(session, ['SCAN', cursor, ...match, 'COUNT', String(count)]);
    const [next, keys] = 'items' in reply ? reply.items : [];
    if (next?.type !== 'bulk' || keys?.type !== 'array') throw new Error('not a reply of SCAN');
    cursor = next.bytes.toString();
    yield keys.items.flatMap((key) => ('bytes' in key ? [key.bytes] : []));
  } while (cursor !== '0');
}

async function primariesOf(session: CliSession): Promise<Address[]> {
  const reply = await ask(session, ['CLUSTER', 'NODES']);
  const seen = parseClusterNodes('bytes' in reply ? reply.bytes.toString() : '');
  return seen
    .filter(({ slots }) => slots.length > 0)
    .map(({ host, port }) => ({ host: host || session.address.host, port }));
}

async function ask(session: CliSession, words: readonly string[]): Promise<Reply> {
  const { reply } = await session.exchange(words);
  if (reply.type !== 'error') return reply;
  throw new CliFailure(`${words[0]} on ${formatAddress(session.address)}: ${reply.bytes}`, {
    code: 'REPLY_ERROR',
    exit: EXIT.unexpected,
  });
}
