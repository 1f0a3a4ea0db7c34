import type { Key } from "./key.ts";
import type { RecordInit, StoredRecord, Version } from "./record.ts";

/**
 * A condition on what is stored under an operation's key, evaluated inside the commit on the effects of the operations
 * before it. `exists` and `live` compare the uid when it is given; `live` also wants the record unmarked.
 */
export type Precondition =
  | { readonly kind: "absent" }
  | { readonly kind: "exists"; readonly uid?: string | undefined }
  | { readonly kind: "live"; readonly uid?: string | undefined }
  | { readonly kind: "version"; readonly version: Version }
  | { readonly kind: "generation"; readonly generation: string };

/** One step of a commit. A `check` changes nothing. At most one `put` or `delete` per key in a commit. */
export type Operation =
  | {
      readonly kind: "put";
      readonly key: Key;
      readonly record: RecordInit;
      readonly preconditions: readonly Precondition[];
    }
  | { readonly kind: "delete"; readonly key: Key; readonly preconditions: readonly Precondition[] }
  | { readonly kind: "check"; readonly key: Key; readonly preconditions: readonly Precondition[] };

/** The limits of one commit (DESIGN §4). */
export const MAX_COMMIT_OPERATIONS = 1024;
/** Sum of the bytes of a commit's records. */
export const MAX_COMMIT_BYTES = 4 * 1024 * 1024;

/**
 * What became of a commit. `applied` carries the version that its records now have; a commit that changed nothing (checks, deletes
 * of what was absent, or `evaluateOnly`) has the store's current version. `refused` means not applied: which operation, which of its
 * preconditions, and what was stored there at that moment, so that a retry needs no second read.
 */
export type CommitResult =
  | { readonly outcome: "applied"; readonly version: Version }
  | {
      readonly outcome: "refused";
      readonly operationIndex: number;
      readonly precondition: Precondition;
      /** What was stored under the operation's key; absent when nothing was. */
      readonly current: StoredRecord | undefined;
      /** The store's version when the commit was refused. */
      readonly version: Version;
    };
