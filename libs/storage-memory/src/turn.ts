/** Resolves in the next turn of the event loop: how long work in slices lets others go first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
