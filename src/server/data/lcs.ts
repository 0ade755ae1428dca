/*
 * The longest common subsequence of two byte strings, by the usual table of lengths of prefixes.
 */

/** A stretch that both strings have: where it begins in each, and how long it is. */
export interface Match {
  a: number;
  b: number;
  length: number;
}

export interface CommonSubsequence {
  bytes: Buffer;
  length: number;
  /** From the end of the strings to their start; empty unless asked for. */
  matches: Match[];
}

/** Needs 4·(a+1)·(b+1) bytes for the table: the caller bounds the lengths. */
export function longestCommonSubsequence(a: Buffer, b: Buffer, wantMatches: boolean): CommonSubsequence {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const at = i * width + j;
      if (a[i - 1] === b[j - 1]) lengths[at] = lengths[at - width - 1]! + 1;
      else lengths[at] = Math.max(lengths[at - width]!, lengths[at - 1]!);
    }
  }
  return walkBack(a, b, lengths, wantMatches);
}

function walkBack(a: Buffer, b: Buffer, lengths: Uint32Array, wantMatches: boolean): CommonSubsequence {
  const width = b.length + 1;
  const length = lengths[a.length * width + b.length]!;
  const bytes = Buffer.alloc(length);
  const matches: Match[] = [];
  let open: Match | null = null;
  let left = length;
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      bytes[--left] = a[i - 1]!;
      i--;
      j--;
      if (open !== null && open.a === i + 1 && open.b === j + 1) {
        open.a = i;
        open.b = j;
        open.length++;
      } else {
        open = { a: i, b: j, length: 1 };
        if (wantMatches) matches.push(open);
      }
    } else if (lengths[(i - 1) * width + j]! > lengths[i * width + j - 1]!) {
      i--;
    } else {
      j--;
    }
  }
  return { bytes, length, matches };
}
