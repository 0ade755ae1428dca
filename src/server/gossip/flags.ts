/*
 * What a node is and how it fares, as the bits that travel in headers and gossip entries.
 * Bits above these belong to newer servers; they are masked off on the way in, and never set on the way out:
 * a peer that sees the light-header bit would send messages that a 7.0 reader must reject.
 */
export const PRIMARY = 1;
export const REPLICA = 2;
/** This node alone finds it silent. */
export const SUSPECTED = 4;
/** A majority of the primaries found it silent. */
export const FAILED = 8;
export const MYSELF = 16;
/** Met by address only: the id is invented until the node tells its own. */
export const HANDSHAKE = 32;
/** The address is known to be wrong. */
export const NO_ADDRESS = 64;
/** Greet with MEET, not PING, when the link is up. */
export const MEET_FIRST = 128;
/** Had replicas once: spare replicas of other shards may move to it. */
export const MIGRATE_TO = 256;
/** Its operator forbade it to fail over. */
export const NO_FAILOVER = 512;

export const KNOWN_FLAGS = 1023;

/** In the order in which they are printed; the others have no text. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [MYSELF, 'myself'],
  [PRIMARY, 'master'],
  [REPLICA, 'slave'],
  [SUSPECTED, 'fail?'],
  [FAILED, 'fail'],
  [HANDSHAKE, 'handshake'],
  [NO_ADDRESS, 'noaddr'],
  [NO_FAILOVER, 'nofailover'],
];

export function formatFlags(flags: number): string {
  let text = '';
  for (const [bit, name] of FLAG_NAMES) {
    if ((flags & bit) !== 0) text += text === '' ? name : `,${name}`;
  }
  return text === '' ? 'noflags' : text;
}

/** Answers null when a word is not a flag. */
export function parseFlags(text: string): number | null {
  if (text === 'noflags') return 0;
  let flags = 0;
  for (const word of text.split(',')) {
    const found = FLAG_NAMES.find(([, name]) => name === word);
    if (found === undefined) return null;
    flags |= found[0];
  }
  return flags;
}
