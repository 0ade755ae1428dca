/* Which known name a mistyped one was probably meant to be: commands, flags, directives, fields of a file. */

/** The closest of the known names, if it is close enough to be a slip of the fingers; null otherwise. */
export function nearest(typed: string, known: Iterable<string>): string | null {
  let best: { name: string; edits: number } | null = null;
  for (const name of known) {
    const edits = editDistance(typed.toLowerCase(), name);
    if (best === null || edits < best.edits) best = { name, edits };
  }
  // Where every letter would have to change, nothing of what was typed is left.
  const most = Math.min(3, Math.floor((typed.length + 2) / 3), typed.length - 1);
  return best !== null && best.edits <= most ? best.name : null;
}

/** "; did you mean 'maxmemory'?", to be put behind an error; '' where nothing is near. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  const name = nearest(typed, known);
  return name === null ? '' : `; did you mean '${name}'?`;
}

/** Insertions, deletions, replacements and exchanges of neighbours that lead from one to the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let edits = Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) edits = Math.min(edits, (before[j - 2] as number) + 1);
      next.push(edits);
    }
    before = row;
    row = next;
  }
  return row[to.length] as number;
}
