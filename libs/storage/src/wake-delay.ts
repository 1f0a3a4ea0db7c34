/** What waking one reader costs at least, in milliseconds: its event has to be written to a connection. */
const WAKE_MS = 0.005;
/** A shorter delay is not worth a timer. */
const MIN_DELAY_MS = 1;
const MAX_DELAY_MS = 20;

/**
 * How long after a change its readers are woken, in milliseconds. Waking a thousand costs as much for one change as for ten, so many readers wait for about the time that
 * waking them takes: what happens meanwhile reaches them together. A few are never kept waiting.
 */
export function wakeDelayMs(readers: number): number {
  const delayMs = Math.min(readers * WAKE_MS, MAX_DELAY_MS);
  return delayMs < MIN_DELAY_MS ? 0 : delayMs;
}
