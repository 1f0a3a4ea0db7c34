import { RaftNodeError } from "@trellis/raft-node";
import { StorageError, type StorageErrorCode } from "@trellis/storage";

/** What each trouble of the node means to a caller of storage; those of a node that is over, or cannot start, mean that it is not there. */
const CODES: Readonly<Partial<Record<RaftNodeError["code"], StorageErrorCode>>> = {
  busy: "resource-exhausted",
  "no-space": "no-space",
  "too-large": "invalid",
  "outcome-unknown": "outcome-unknown",
  aborted: "aborted",
};

/** The storage error for what the node rejected with; its cause has the leader, if the node knows one. What is none of the node's stays as it is. */
export function toStorageError(error: unknown): unknown {
  if (!RaftNodeError.is(error)) return error;
  // A mistake of this package: nothing that a caller did.
  if (error.code === "invalid") return error;
  return new StorageError(CODES[error.code] ?? "unavailable", error.message, {
    cause: error,
    isNotLeader: error.code === "not-leader",
  });
}

/** Waits for the node, and tells its troubles in the terms of storage. */
export async function ofNode<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw toStorageError(error);
  }
}
