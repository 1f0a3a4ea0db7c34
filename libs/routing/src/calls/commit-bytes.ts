import type { Operation } from "@trellis/storage";

/** What an operation takes beside its record: its key, its preconditions. */
const OPERATION_BYTES = 256;

/** About the bytes of memory that a commit takes while it waits. */
export function commitBytes(operations: readonly Operation[]): number {
  return operations.reduce(
    (sum, one) => sum + OPERATION_BYTES + (one.kind === "put" ? one.record.bytes.length : 0),
    0,
  );
}
