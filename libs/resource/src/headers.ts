/** Which store answered (a response), or which one a version belongs to (a request). */
export const STORE_HEADER = "trellis-store";
/** The store version that an answer shows. */
export const VERSION_HEADER = "trellis-version";
/** `eventual` or `strong`. */
export const CONSISTENCY_HEADER = "trellis-consistency";
/** The answer must show at least this store version. */
export const MIN_VERSION_HEADER = "trellis-min-version";
/** Proves a part of the cluster to be one. */
export const CLUSTER_SECRET_HEADER = "trellis-cluster-secret";
