/** Lets everybody else go first: long work is done in slices of a few milliseconds. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
