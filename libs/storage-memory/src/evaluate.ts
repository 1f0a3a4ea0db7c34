import {
  type CommitResult,
  type Operation,
  type Precondition,
  StorageError,
  type StoredRecord,
  type Version,
} from "@trellis/storage";

import type { KeptRecord } from "./kept-record.ts";

/** A change that a commit would make. `text` is the string form of the key. */
export type Change =
  | {
      readonly kind: "put";
      readonly text: string;
      readonly operation: Put;
      readonly previous: KeptRecord | undefined;
    }
  | { readonly kind: "delete"; readonly record: KeptRecord };

type Put = Extract<Operation, { kind: "put" }>;

/** What preconditions look at. */
type Seen = Pick<StoredRecord, "uid" | "marked" | "generation" | "version">;

/** What a commit would do: its changes in order (none for checks and deletes of what is absent), or why it is refused. */
export type Evaluation =
  | { readonly changes: readonly Change[] }
  | { readonly refused: Extract<CommitResult, { outcome: "refused" }> };

/** What {@link evaluate} needs to know of a store. */
export interface EvaluationState {
  readonly records: ReadonlyMap<string, KeptRecord>;
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
  const staged = operations.length > 1 ? new Map<string, Seen | undefined>() : undefined;
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
      const { uid, marked, generation } = operation.record;
      changes.push({ kind: "put", text: key, operation, previous: stored });
      staged?.set(key, { uid, marked, generation, version: state.nextVersion });
    } else if (operation.kind === "delete" && stored !== undefined) {
      changes.push({ kind: "delete", record: stored });
      staged?.set(key, undefined);
    }
  }
  return { changes };
}

function holds(precondition: Precondition, record: Seen | undefined): boolean {
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
