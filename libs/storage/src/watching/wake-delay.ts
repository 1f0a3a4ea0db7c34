/** For each reader, in milliseconds: some times what waking it takes, so that wakings leave time to all else. More would keep a change from its readers for nothing. */
const WAKE_MS = 0.005;
/** Fewer readers are not kept waiting. */
const MANY_READERS = 200;
const MAX_DELAY_MS = 20;

/**
 * How long after a change its readers are woken, in milliseconds. Waking a thousand costs as much for one change as for ten, so many readers wait for some times the time that
 * waking them takes: what happens meanwhile reaches them together.
 */
export function wakeDelayMs(readers: number): number {
  return readers < MANY_READERS ? 0 : Math.min(readers * WAKE_MS, MAX_DELAY_MS);
}
