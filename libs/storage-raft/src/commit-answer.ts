import type { CommitResult, Operation, StoredRecord, Version } from "@trellis/storage";

/** What became of a commit that was proposed, as the state machine knows it. */
export type CommitAnswer =
  | AppliedCommit
  | RefusedCommit
  | UnknownOutcome
  /** It breaks a rule that holds for every commit: not applied, here or anywhere. */
  | { readonly outcome: "invalid"; readonly message: string };

/** What a session remembers of a request. */
export type RememberedAnswer = AppliedCommit | RefusedCommit;

/** The version is the commit's place in the log, also when it changed nothing. */
export interface AppliedCommit {
  readonly outcome: "applied";
  readonly version: Version;
}

/** Nothing was applied. */
export interface RefusedCommit {
  readonly outcome: "refused";
  /** The commit's place in the log: so new was what it was judged on. */
  readonly version: Version;
  /** The operation and its precondition that did not hold, from 0. */
  readonly operationIndex: number;
  readonly preconditionIndex: number;
  /** What was stored under the operation's key; undefined when nothing was, or when the answer is remembered. */
  readonly current: StoredRecord | undefined;
  /** The request arrived before, and was refused then: what was stored is not known any more, and is to be read again. */
  readonly isRemembered: boolean;
}

/**
 * Nothing was done, and whether the commit was applied when it arrived before is not known: the session is not open (any more), or its origin had said
 * that it has the answer.
 */
export interface UnknownOutcome {
  readonly outcome: "unknown";
  readonly reason: "session-unknown" | "answered-before";
}

/** The result of the contract that an answer stands for, in the terms of the operations that were asked for. */
export function toCommitResult(
  answer: AppliedCommit | RefusedCommit,
  operations: readonly Operation[],
): CommitResult {
  if (answer.outcome === "applied") return { outcome: "applied", version: answer.version };
  const { operationIndex, preconditionIndex, current, version } = answer;
  const precondition = operations[operationIndex]?.preconditions[preconditionIndex];
  if (precondition === undefined) {
    throw new RangeError(
      `precondition ${preconditionIndex} of operation ${operationIndex} was refused, which the commit does not have`,
    );
  }
  return { outcome: "refused", operationIndex, precondition, current, version };
}
