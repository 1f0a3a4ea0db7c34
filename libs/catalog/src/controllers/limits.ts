/** Resources that each controller reconciles at once: most of a reconcile is waiting for the answer to a write. */
export const CONCURRENT_RECONCILES = 64;
/**
 * The time between two writes of one service's endpoints, at least, in milliseconds: who reads them gets a change at once, and of many the last ones. Six in the first
 * second, and then four in five.
 */
export const ENDPOINTS_INTERVAL_MS = { first: 25, longest: 1_250 };
