/** Resources that each controller reconciles at once: most of a reconcile is waiting for the answer to a write. */
export const CONCURRENT_RECONCILES = 64;
/** The time between two writes of one service's endpoints, at least, in milliseconds: who reads them gets the last of many changes, not each. */
export const ENDPOINTS_INTERVAL_MS = 750;
