import { describe, expect, test } from 'vitest';
import { PRIMARY } from '../../src/server/gossip/flags.ts';
import {
  ASK,
  CROSS_SLOT,
  DOWN_READ_ONLY,
  DOWN_STATE,
  DOWN_UNBOUND,
  isOpen,
  MOVED,
  newRouteQuery,
  type RouteQuery,
  redirectBlocked,
  redirectError,
  route,
  SERVE,
  servesSlot,
  TRY_AGAIN,
} from '../../src/server/gossip/redirect.ts';
import { A, Lab, range } from './support.ts';

const OURS = 0;
const THEIRS = 100;
const NOBODYS = 300;
const MIGRATING = 1;
const IMPORTING = 101;

/** We own 0-99, of which 1 is on its way to A; A owns 100-199, of which 101 is on its way to us. */
function lab(): Lab {
  const made = new Lab({ requireFullCoverage: false });
  made.command({ type: 'addSlots', slots: Array.from({ length: 100 }, (_, slot) => slot) });
  made.know(A, { slots: range(100, 199), epoch: 2 });
  made.command({ type: 'setSlotMigrating', slot: MIGRATING, node: A });
  made.command({ type: 'setSlotImporting', slot: IMPORTING, node: A });
  expect(made.state.ok).toBe(true);
  return made;
}

function replica(): Lab {
  const made = new Lab({ requireFullCoverage: false });
  made.know(A, { slots: range(100, 199), epoch: 2 });
  made.command({ type: 'replicate', node: A });
  return made;
}

const verdict = (made: Lab, query: Partial<RouteQuery>): number => route(made.state, { ...newRouteQuery(), ...query });

describe('a cluster that is up', () => {
  test.each<[string, Partial<RouteQuery>, number]>([
    ['a slot of ours', { slot: OURS }, SERVE],
    ['a slot of another', { slot: THEIRS }, MOVED],
    ['a slot of nobody', { slot: NOBODYS }, DOWN_UNBOUND],
    ['keys of two slots', { slot: OURS, crossSlot: true }, CROSS_SLOT],
    ['keys of two slots, the first of nobody', { slot: NOBODYS, crossSlot: true }, DOWN_UNBOUND],
    ['a migrating slot, all keys here', { slot: MIGRATING, existingKeys: 2, multipleKeys: true }, SERVE],
    ['a migrating slot, key gone', { slot: MIGRATING, missingKeys: 1 }, ASK],
    ['a migrating slot, some keys gone', { slot: MIGRATING, missingKeys: 1, existingKeys: 1 }, TRY_AGAIN],
    ['MIGRATE in a migrating slot', { slot: MIGRATING, missingKeys: 1, migrate: true }, SERVE],
    ['an importing slot without ASKING', { slot: IMPORTING, existingKeys: 1 }, MOVED],
    ['an importing slot with ASKING', { slot: IMPORTING, missingKeys: 1, asking: true }, SERVE],
    [
      'several keys of an importing slot with ASKING, one not here yet',
      { slot: IMPORTING, missingKeys: 1, existingKeys: 1, multipleKeys: true, asking: true },
      TRY_AGAIN,
    ],
    [
      'several keys of an importing slot with ASKING, all here',
      { slot: IMPORTING, existingKeys: 2, multipleKeys: true, asking: true },
      SERVE,
    ],
    ['MIGRATE in an importing slot', { slot: IMPORTING, migrate: true }, SERVE],
    ['READONLY does not make us a replica of another shard', { slot: THEIRS, readonlyClient: true }, MOVED],
  ])('%s', (_, query, expected) => {
    expect(verdict(lab(), query)).toBe(expected);
  });

  test.each<[string, Partial<RouteQuery>, number]>([
    ['a read of a READONLY client', { readonlyClient: true }, SERVE],
    ['a write of a READONLY client', { readonlyClient: true, write: true }, MOVED],
    ['a read of another client', {}, MOVED],
    ['a sharded channel', { shardedPubsub: true }, SERVE],
  ])('on a replica: %s', (_, query, expected) => {
    expect(verdict(replica(), { slot: THEIRS, ...query })).toBe(expected);
  });

  test('the quick look agrees with the long one', () => {
    const made = lab();
    made.command({ type: 'setSlotStable', slot: MIGRATING });
    for (const slot of [OURS, THEIRS, NOBODYS, IMPORTING]) {
      expect(servesSlot(made.state, slot)).toBe(verdict(made, { slot }) === SERVE);
    }
    expect(isOpen(made.state, IMPORTING)).toBe(true);
    expect(isOpen(made.state, MIGRATING)).toBe(false);
  });

  test('the quick look never serves an open slot', () => {
    const made = lab();
    expect(servesSlot(made.state, MIGRATING)).toBe(false);
    expect(isOpen(made.state, MIGRATING)).toBe(true);
  });
});

describe('a cluster that is down', () => {
  const down = (config: Partial<Lab['state']['config']> = {}): Lab => {
    const made = lab();
    made.state.ok = false;
    Object.assign(made.state.config, config);
    return made;
  };

  test.each<[string, Partial<RouteQuery>, Partial<Lab['state']['config']>, number]>([
    ['nothing is served', {}, {}, DOWN_STATE],
    ['reads are, where allowed', {}, { allowReadsWhenDown: true }, SERVE],
    ['writes are not even there', { write: true, writesKeys: true }, { allowReadsWhenDown: true }, DOWN_READ_ONLY],
    ['reads are, also beside a write without keys', { write: true }, { allowReadsWhenDown: true }, SERVE],
    ['sharded channels are', { shardedPubsub: true }, {}, SERVE],
    [
      'sharded channels are not, where forbidden',
      { shardedPubsub: true },
      { allowPubsubShardWhenDown: false },
      DOWN_STATE,
    ],
  ])('%s', (_, query, config, expected) => {
    const made = down(config);
    expect(verdict(made, { slot: OURS, ...query })).toBe(expected);
    expect(servesSlot(made.state, OURS)).toBe(false);
  });
});

describe('the words', () => {
  test.each([
    [MOVED, THEIRS, 'MOVED 100 10.0.0.9:7001'],
    [ASK, MIGRATING, 'ASK 1 10.0.0.9:7001'],
    [TRY_AGAIN, MIGRATING, 'TRYAGAIN Multiple keys request during rehashing of slot'],
    [CROSS_SLOT, OURS, "CROSSSLOT Keys in request don't hash to the same slot"],
    [DOWN_UNBOUND, NOBODYS, 'CLUSTERDOWN Hash slot not served'],
    [DOWN_STATE, OURS, 'CLUSTERDOWN The cluster is down'],
    [DOWN_READ_ONLY, OURS, 'CLUSTERDOWN The cluster is down and only accepts read commands'],
  ] as const)('verdict %i', (kind, slot, text) => {
    expect(redirectError(lab().state, kind, slot, { tls: false })).toBe(text);
  });

  test('the endpoint is what was configured to be told', () => {
    const made = lab();
    const moved = (): string => redirectError(made.state, MOVED, THEIRS, { tls: false });
    made.state.config.preferredEndpoint = 'hostname';
    expect(moved()).toBe('MOVED 100 ?:7001');
    made.node(A).hostname = 'a.example';
    expect(moved()).toBe('MOVED 100 a.example:7001');
    made.state.config.preferredEndpoint = 'unknown-endpoint';
    expect(moved()).toBe('MOVED 100 :7001');
  });

  test('a client without TLS is told the plaintext port of a TLS cluster', () => {
    const made = lab();
    made.node(A).plainPort = 6001;
    expect(redirectError(made.state, MOVED, THEIRS, { tls: false })).toBe('MOVED 100 10.0.0.9:6001');
    expect(redirectError(made.state, MOVED, THEIRS, { tls: true })).toBe('MOVED 100 10.0.0.9:7001');
  });

  test('a blocked client waits on while its key may still be served here', () => {
    const made = lab();
    const client = { tls: false };
    expect(redirectBlocked(made.state, OURS, client)).toBeNull();
    expect(redirectBlocked(made.state, IMPORTING, client)).toBeNull();
    expect(redirectBlocked(made.state, THEIRS, client)).toBe('MOVED 100 10.0.0.9:7001');
    expect(redirectBlocked(made.state, NOBODYS, client)).toBe('CLUSTERDOWN Hash slot not served');
    made.state.ok = false;
    expect(redirectBlocked(made.state, OURS, client)).toBe('CLUSTERDOWN The cluster is down');
  });
});

test('a peer that is a primary without slots never gets a MOVED', () => {
  const made = lab();
  expect((made.node(A).flags & PRIMARY) !== 0).toBe(true);
  for (let slot = 200; slot < 16384; slot++) expect(verdict(made, { slot })).toBe(DOWN_UNBOUND);
});
