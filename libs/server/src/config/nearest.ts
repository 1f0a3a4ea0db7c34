/** Changes (letters added, dropped, replaced) beyond which a word is not taken for a slip of another. */
const MAX_CHANGES = 3;

/** The candidate that a mistyped word most likely meant; undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.min(MAX_CHANGES, Math.ceil(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const changes = distance(word, candidate);
    if (changes >= fewest) continue;
    best = candidate;
    fewest = changes;
  }
  return best ?? candidates.find((candidate) => word.length > 2 && candidate.startsWith(word));
}

/** Levenshtein's distance, row by row. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
