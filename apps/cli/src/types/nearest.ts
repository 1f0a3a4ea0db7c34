/** The most suggestions given. */
const MAX_SUGGESTIONS = 3;
/** How many more letters than in the nearest candidate may be wrong in the others. */
const CLEARLY_FARTHER = 1;

/**
 * The candidates that a mistyped word is close to, nearest first: at most a third of its letters wrong, or it begins one; of a name with dots, a third of
 * the letters after the last. Candidates that are clearly farther than the nearest are left out.
 */
export function nearest(word: string, candidates: Iterable<string>): readonly string[] {
  const wanted = plain(word);
  const limit = Math.max(1, Math.floor((wanted.length - 1 - wanted.lastIndexOf(".")) / 3));
  const close = [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distanceOf(wanted, plain(candidate), limit) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, MAX_SUGGESTIONS);
  return close
    .filter(({ distance }) => distance <= (close[0]?.distance ?? 0) + CLEARLY_FARTHER)
    .map(({ candidate }) => candidate);
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, "");
}

function distanceOf(a: string, b: string, limit: number): number {
  if (a === b) return 0;
  if (a.length > 2 && b.startsWith(a)) return limit;
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  return editDistance(a, b);
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
