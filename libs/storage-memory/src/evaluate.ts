import {
  type CommitResult,
  type Operation,
  type Precondition,
  StorageError,
  type StoredEvent,
  type StoredRecord,
  type Version,
} from "@trellis/storage";

import { storedRecord } from "./stored-record.ts";

/** A change that a commit would make, with the key in its string form. */
export interface Change {
  readonly key: string;
  readonly event: StoredEvent;
}

/** What a commit would do: its changes in order (none for checks and deletes of what is absent), or why it is refused. */
export type Evaluation =
  | { readonly changes: readonly Change[] }
  | { readonly refused: Extract<CommitResult, { outcome: "refused" }> };

/** What {@link evaluate} needs to know of a store. */
export interface EvaluationState {
  readonly records: ReadonlyMap<string, StoredRecord>;
  /** The version of the store now. */
  readonly version: Version;
  /** The version that the commit would get. */
  readonly nextVersion: Version;
}

/**
 * Evaluates a commit against a store without changing it. Each operation sees the effects of those before it; a refusal carries what is
 * stored, without those effects, as nothing of the commit is applied. `keys` are the operations' key strings.
 */
export function evaluate(
  operations: readonly Operation[],
  keys: readonly string[],
  state: EvaluationState,
): Evaluation {
  const changes: Change[] = [];
  const staged = operations.length > 1 ? new Map<string, StoredRecord | undefined>() : undefined;
  for (const [operationIndex, operation] of operations.entries()) {
    const key = keys[operationIndex];
    if (key === undefined) throw new Error(`operation ${operationIndex} has no key string`);
    const stored = state.records.get(key);
    const seen = staged?.has(key) === true ? staged.get(key) : stored;
    for (const precondition of operation.preconditions) {
      if (holds(precondition, seen)) continue;
      return {
        refused: {
          outcome: "refused",
          operationIndex,
          precondition,
          current: stored,
          version: state.version,
        },
      };
    }
    if (operation.kind === "put") {
      const record = storedRecord(operation.key, operation.record, state.nextVersion, stored);
      changes.push({ key, event: Object.freeze({ kind: "put", record, previous: stored }) });
      staged?.set(key, record);
    } else if (operation.kind === "delete" && stored !== undefined) {
      changes.push({ key, event: Object.freeze({ kind: "delete", record: stored }) });
      staged?.set(key, undefined);
    }
  }
  return { changes };
}

function holds(precondition: Precondition, record: StoredRecord | undefined): boolean {
  switch (precondition.kind) {
    case "absent":
      return record === undefined;
    case "exists":
      return record !== undefined && (precondition.uid === undefined || precondition.uid === record.uid);
    case "live":
      return (
        record !== undefined &&
        !record.marked &&
        (precondition.uid === undefined || precondition.uid === record.uid)
      );
    case "version":
      return record?.version === precondition.version;
    case "generation":
      return record?.generation === precondition.generation;
    default:
      throw new StorageError(
        "invalid",
        `unknown precondition ${JSON.stringify(precondition satisfies never)}`,
      );
  }
}
