/** The value in the middle; between two, half way. Throws for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("a median is of at least one value");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
