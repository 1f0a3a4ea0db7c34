import type { CallOptions } from "./backend.ts";
import type { CommitResult, Operation } from "./operation.ts";
import type { StoredRecord, Version } from "./record.ts";

/**
 * A session, as its origin knows it. Both parts are needed to use it: an opening that was on its way for so long that its session was opened
 * again meanwhile, and ended, opens another one, to which what was sent under the first means nothing.
 */
export interface Session {
  /** Random, chosen by the origin: up to 64 characters. */
  readonly id: string;
  /** The entry of the log that opened it. */
  readonly openedAt: number;
}

/** Which request of which session a commit is. */
export interface SessionRequest {
  readonly session: Session;
  /** Counts the requests of the session, from 1. */
  readonly sequence: number;
  /** All requests before this one were answered, and will not be repeated. At most 1,023 behind `sequence`. */
  readonly lowestUnanswered: number;
}

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

/** What became of a commit that was submitted in a session. */
export type Submitted = AppliedCommit | RefusedCommit | UnknownOutcome;

/** Options of commits in a session. */
export interface SubmitOptions extends CallOptions {
  /**
   * The request and the operations as the bytes of a `trellis.storage.v1.Commit`, of which they were read: whoever hands them on need not encode them again. Then the
   * operations belong to whoever they are given to, and their records' bytes are parts of these.
   */
  readonly encoded?: Uint8Array | undefined;
}

/** Commits that take effect once, however often they arrive: for origins that send them over a network, through any forwarder. */
export interface SessionedCommits {
  /** Opens a session under an id that the origin drew at random; it may be repeated. Rejects as `commit`. */
  openSession(id: string, options?: CallOptions): Promise<Session>;
  /**
   * Commits in a session; repeating it with the same session and sequence gives the same answer and nothing else. Resolves with `unknown` when the
   * session is not open or its origin said that it has the answer. Rejects as `commit`, and with `resource-exhausted` for more than 1,024
   * unanswered requests.
   */
  submit(
    request: SessionRequest,
    operations: readonly Operation[],
    options?: SubmitOptions,
  ): Promise<Submitted>;
  /** Uses a session that has nothing to say; ten minutes of silence end it. Resolves with whether it is open. Rejects as `commit`. */
  keepAlive(session: Session, options?: CallOptions): Promise<boolean>;
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
