/** Sets of slots as people and CLUSTER commands write them: sorted ranges with both ends included. */

export type SlotRange = readonly [first: number, last: number];

export const SLOTS = 16_384;

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** '0-5460' or '0-99 200 300-399'; '' for none. */
export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ');
}

/** The ranges of all slots for which `has` answers true. */
export function rangesWhere(has: (slot: number) => boolean): SlotRange[] {
  const ranges: SlotRange[] = [];
  let first = -1;
  for (let slot = 0; slot <= SLOTS; slot++) {
    const inside = slot < SLOTS && has(slot);
    if (inside && first < 0) first = slot;
    if (!inside && first >= 0) {
      ranges.push([first, slot - 1]);
      first = -1;
    }
  }
  return ranges;
}
