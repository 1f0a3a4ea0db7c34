/** The most writes of any one of the lists of times within any `windowMs`. Times are in order. */
export function busiest(writes: readonly (readonly number[])[], windowMs: number): number {
  let most = 0;
  for (const times of writes) {
    let first = 0;
    for (const [last, timeMs] of times.entries()) {
      while (timeMs - (times[first] ?? timeMs) >= windowMs) first++;
      most = Math.max(most, last - first + 1);
    }
  }
  return most;
}
