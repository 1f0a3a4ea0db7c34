import {
  type CommitResult,
  type Key,
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
  | { readonly kind: "delete"; readonly text: string; readonly record: KeptRecord };

type Put = Extract<Operation, { kind: "put" }>;

/** What preconditions look at. */
type Seen = Pick<StoredRecord, "uid" | "marked" | "generation" | "version">;

/** What a commit would do: its changes in order (none for checks and deletes of what is absent), or why it is refused. */
export type Evaluation =
  | { readonly changes: readonly Change[] }
  | { readonly refused: Extract<CommitResult, { outcome: "refused" }> };

/** What {@link evaluate} needs to know of a store. */
export interface EvaluationState {
  /** The record under a key, whose string form is `text`. */
  readonly find: (key: Key, text: string) => KeptRecord | undefined;
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
  const staged = operations.length > 1 ? new Staged() : undefined;
  for (let operationIndex = 0; operationIndex < operations.length; operationIndex++) {
    const operation = operations[operationIndex];
    const key = keys[operationIndex];
    if (operation === undefined || key === undefined)
      throw new Error(`operation ${operationIndex} has no key string`);
    const stored = state.find(operation.key, key);
    const change = staged?.find(key);
    const seen = change === undefined ? stored : effectOf(change, state.nextVersion);
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
    const next = changeOf(operation, key, stored);
    if (next === undefined) continue;
    changes.push(next);
    staged?.add(next);
  }
  return { changes };
}

/** What an operation changes; nothing for a check, or the deletion of what is absent. */
function changeOf(operation: Operation, text: string, stored: KeptRecord | undefined): Change | undefined {
  if (operation.kind === "put") return { kind: "put", text, operation, previous: stored };
  return operation.kind === "check" || stored === undefined
    ? undefined
    : { kind: "delete", text, record: stored };
}

/** The changes of a commit so far, of which there is one for a key. */
class Staged {
  readonly #changes: Change[] = [];
  /** Made when there are many. */
  #byKey: Map<string, Change> | undefined;

  find(key: string): Change | undefined {
    if (this.#byKey !== undefined) return this.#byKey.get(key);
    return this.#changes.find(({ text }) => text === key);
  }

  add(change: Change): void {
    this.#changes.push(change);
    if (this.#byKey !== undefined) this.#byKey.set(change.text, change);
    else if (this.#changes.length > MANY) this.#byKey = new Map(this.#changes.map((one) => [one.text, one]));
  }
}

/** Up to so many are looked through one by one. */
const MANY = 8;

/** What is there after a change. */
function effectOf(change: Change, version: Version): Seen | undefined {
  if (change.kind === "delete") return undefined;
  const { uid, marked, generation } = change.operation.record;
  return { uid, marked, generation, version };
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
