/** Values: how they are kept, how long, and what happens when there are too many. */
import { integer, memory, oneOf, smallInteger, text, yesNo } from './directive.ts';

const NO_MAXMEMORY = 'memory is counted and limited in a later version';
const NO_EVICTION = 'nothing is evicted yet; only OBJECT FREQ, OBJECT IDLETIME and what an RDB keeps of them go by it';
const NO_DEFRAGMENTATION = 'records are moved together by the keyspace itself, always';
const FREED_IN_STEPS = 'data is always freed in small steps, so both ways are the same';

export const memoryDirectives = {
  maxmemory: memory({
    initial: 0,
    max: 2 ** 64,
    since: '1.0.0',
    doc: 'Bytes the data may take; 0 is no limit.',
    notApplicable: NO_MAXMEMORY,
  }),
  'maxmemory-policy': oneOf(
    [
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
    ],
    { initial: 'noeviction', since: '2.0.0', doc: 'Which keys go when it is reached.', notApplicable: NO_EVICTION },
  ),
  'maxmemory-samples': smallInteger({
    initial: 5,
    min: 1,
    since: '2.2.0',
    doc: 'How many keys are looked at to choose one.',
    notApplicable: NO_MAXMEMORY,
  }),
  'maxmemory-eviction-tenacity': smallInteger({
    initial: 10,
    max: 100,
    since: '6.2.0',
    doc: 'How much time eviction may take.',
    notApplicable: NO_MAXMEMORY,
  }),
  'lfu-log-factor': smallInteger({
    initial: 10,
    since: '4.0.0',
    doc: 'How many hits it takes to raise the counter of a key: the higher, the more.',
    notApplicable: 'nothing is evicted yet; OBJECT FREQ counts with the defaults',
  }),
  'lfu-decay-time': smallInteger({
    initial: 1,
    since: '4.0.0',
    doc: 'Minutes after which the counter falls by one; 0 never.',
    notApplicable: 'nothing is evicted yet; OBJECT FREQ counts with the defaults',
  }),
  'active-expire-effort': smallInteger({
    initial: 1,
    min: 1,
    max: 10,
    since: '6.0.0',
    doc: 'How hard to look for keys whose time is over.',
  }),
  'lazyfree-lazy-eviction': yesNo({
    initial: false,
    since: '4.0.0',
    doc: 'Free evicted keys in the background.',
    notApplicable: FREED_IN_STEPS,
  }),
  'lazyfree-lazy-expire': yesNo({
    initial: false,
    since: '4.0.0',
    doc: 'Free expired keys in the background.',
    notApplicable: FREED_IN_STEPS,
  }),
  'lazyfree-lazy-server-del': yesNo({
    initial: false,
    since: '4.0.0',
    doc: 'Free overwritten values in the background.',
    notApplicable: FREED_IN_STEPS,
  }),
  'lazyfree-lazy-user-del': yesNo({
    initial: false,
    since: '6.0.0',
    doc: 'Let DEL be as UNLINK.',
    notApplicable: FREED_IN_STEPS,
  }),
  'lazyfree-lazy-user-flush': yesNo({
    initial: false,
    since: '6.2.0',
    doc: 'Let FLUSHALL and FLUSHDB be ASYNC when they do not say.',
    notApplicable: FREED_IN_STEPS,
  }),
  activerehashing: yesNo({
    initial: true,
    since: '2.2.0',
    doc: 'Grow tables in the background.',
    notApplicable: 'tables grow a segment at a time and are never rehashed',
  }),
  activedefrag: yesNo({
    initial: false,
    since: '4.0.0',
    doc: 'Move values together to give memory back.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-ignore-bytes': memory({
    initial: 100 * 2 ** 20,
    min: 1,
    since: '4.0.0',
    doc: 'Waste below which it does not start.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-threshold-lower': smallInteger({
    initial: 10,
    max: 1000,
    since: '4.0.0',
    doc: 'Waste in percent at which it starts.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-threshold-upper': smallInteger({
    initial: 100,
    max: 1000,
    since: '4.0.0',
    doc: 'Waste in percent at which it works hardest.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-cycle-min': smallInteger({
    initial: 1,
    min: 1,
    max: 99,
    since: '4.0.0',
    doc: 'Least share of the time in percent.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-cycle-max': smallInteger({
    initial: 25,
    min: 1,
    max: 99,
    since: '4.0.0',
    doc: 'Greatest share of the time in percent.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'active-defrag-max-scan-fields': integer({
    initial: 1000,
    min: 1,
    since: '5.0.0',
    doc: 'Elements of a value that are moved at once.',
    notApplicable: NO_DEFRAGMENTATION,
  }),
  'jemalloc-bg-thread': yesNo({
    initial: true,
    since: '6.0.0',
    doc: 'Give memory back in a thread of the allocator.',
    notApplicable: 'the allocator is that of Node',
  }),
} as const;

export const encodings = {
  'hash-max-listpack-entries': integer({
    initial: 512,
    since: '7.0.0',
    aliases: ['hash-max-ziplist-entries'],
    doc: 'Fields up to which a hash is packed.',
  }),
  'hash-max-listpack-value': memory({
    initial: 64,
    since: '7.0.0',
    aliases: ['hash-max-ziplist-value'],
    doc: 'Bytes of a field or value up to which a hash is packed.',
  }),
  'list-max-listpack-size': smallInteger({
    initial: -2,
    min: -(2 ** 31),
    since: '7.0.0',
    aliases: ['list-max-ziplist-size'],
    doc: 'Size up to which OBJECT ENCODING calls a list a listpack: so many elements, or -1 to -5 for 4, 8, 16, 32, 64 KB. How lists lie in memory does not depend on it.',
  }),
  'list-compress-depth': smallInteger({
    initial: 0,
    since: '3.2.0',
    doc: 'Pieces at both ends of a list that are not compressed; 0 compresses none.',
    notApplicable: 'lists are not compressed in memory',
  }),
  'set-max-intset-entries': integer({
    initial: 512,
    since: '1.0.0',
    doc: 'Members up to which a set of integers is packed.',
  }),
  'set-max-listpack-entries': integer({
    initial: 128,
    since: '7.2.0',
    doc: 'Members up to which a set of anything else is packed.',
  }),
  'set-max-listpack-value': memory({
    initial: 64,
    since: '7.2.0',
    doc: 'Bytes of a member up to which such a set is packed.',
  }),
  'zset-max-listpack-entries': integer({
    initial: 128,
    since: '7.0.0',
    aliases: ['zset-max-ziplist-entries'],
    doc: 'Members up to which a sorted set is packed.',
    notApplicable: 'there are no sorted sets yet',
  }),
  'zset-max-listpack-value': memory({
    initial: 64,
    since: '7.0.0',
    aliases: ['zset-max-ziplist-value'],
    doc: 'Bytes of a member up to which a sorted set is packed.',
    notApplicable: 'there are no sorted sets yet',
  }),
  'hll-sparse-max-bytes': memory({
    initial: 3000,
    since: '2.8.9',
    doc: 'Bytes up to which a HyperLogLog is kept in its sparse form.',
    notApplicable: 'there is no HyperLogLog yet',
  }),
  'stream-node-max-bytes': memory({
    initial: 4096,
    since: '5.0.0',
    doc: 'Bytes of one packed piece of a stream; 0 is no limit.',
    notApplicable: 'there are no streams yet',
  }),
  'locale-collate': text({
    initial: '',
    since: '7.2.0',
    doc: 'Locale by whose rules texts are sorted.',
    notApplicable: 'nothing is sorted yet',
  }),
  'stream-node-max-entries': integer({
    initial: 100,
    since: '5.0.0',
    doc: 'Entries of one packed piece of a stream; 0 is no limit.',
    notApplicable: 'there are no streams yet',
  }),
} as const;
