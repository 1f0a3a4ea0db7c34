/** The metadata key under which a child tells which controller made it: the value is that controller's `key`. */
export const MANAGED_BY = "managed-by";
