import { CONSISTENCY_HEADER } from "@trellis/resource";

/** Options of a call that must see the present: what it decides cannot be taken back. */
export function strong(signal: AbortSignal) {
  return { headers: { [CONSISTENCY_HEADER]: "strong" }, signal };
}
