/** Resources that each controller reconciles at once: most of a reconcile is waiting for the answer to a write. */
export const CONCURRENT_RECONCILES = 8;
