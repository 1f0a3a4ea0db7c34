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

/** The header with which the caller of a REST request limits how long it may take, in milliseconds. */
export const TIMEOUT_HEADER = "trellis-timeout-ms";

/** How long a REST request may take, in milliseconds; undefined where its head does not say, or says no whole number above 0. */
export function timeoutMsIn(headers: Headers): number | undefined {
  const text = headers.get(TIMEOUT_HEADER) ?? "";
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
