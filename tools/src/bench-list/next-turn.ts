/**
 * Waits for another turn of the event loop. What a client on a network asks next comes with one; without a wire and with a store in memory, a
 * chain of calls would never leave its own.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
