/**
 * What went wrong, a closed set.
 *
 * Not applied, worth another try: `not-leader` (ask the leader), `busy` (a queue is full), `no-space`, `stopping`.
 * The caller's mistake: `invalid`, `too-large`. Nobody knows: `outcome-unknown`. A read that could not be confirmed: `unavailable`,
 * `aborted`. Starting was refused: `damaged`, `wrong-cluster`, `unsupported` (a newer format or feature level), `not-formed`.
 * The node is over: `stopped`.
 */
export type RaftNodeErrorCode =
  | "not-leader"
  | "busy"
  | "no-space"
  | "stopping"
  | "invalid"
  | "too-large"
  | "outcome-unknown"
  | "unavailable"
  | "aborted"
  | "damaged"
  | "wrong-cluster"
  | "unsupported"
  | "not-formed"
  | "stopped";

/** The one error class of this package. */
export class RaftNodeError extends Error {
  override readonly name = "RaftNodeError";
  readonly code: RaftNodeErrorCode;
  /** For `not-leader`: who leads, if this node knows. */
  readonly leader: number | undefined;

  constructor(
    code: RaftNodeErrorCode,
    message: string,
    details: { readonly leader?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.leader = details.leader;
  }

  /** Recognises the class across realms and copies of this package, where `instanceof` does not. */
  static is(error: unknown): error is RaftNodeError {
    return (
      typeof error === "object" &&
      error !== null &&
      (error as { name?: unknown }).name === "RaftNodeError" &&
      typeof (error as { code?: unknown }).code === "string"
    );
  }
}
