/** Resolves, or calls back, in the next turn of the event loop. */
export function nextTurn(callback?: () => void): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      callback?.();
      resolve();
    });
  });
}
