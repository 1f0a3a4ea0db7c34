/**
 * What went wrong, a closed set. None of these changes any state.
 *
 * - `proposal-dropped`: the proposal did not enter any log. Safe to try again, elsewhere or later.
 * - `read-dropped`: the read was not queued, because `maxPendingReads` are waiting. Safe to try again later.
 * - `local-message`: a message that only this node may produce came from elsewhere.
 * - `unknown-peer`: a response from a node that is not in the configuration.
 * - `invalid-options`: the core cannot be created like this.
 * - `invalid-conf-change`: a conf change cannot be read, or cannot be applied to the present configuration.
 */
export type RaftErrorCode =
  | "proposal-dropped"
  | "read-dropped"
  | "local-message"
  | "unknown-peer"
  | "invalid-options"
  | "invalid-conf-change";

/** The one error class of the core. */
export class RaftError extends Error {
  override readonly name = "RaftError";
  readonly code: RaftErrorCode;

  constructor(code: RaftErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Recognises the class across realms and copies of this package, where `instanceof` does not. */
  static is(error: unknown): error is RaftError {
    return (
      typeof error === "object" &&
      error !== null &&
      (error as { name?: unknown }).name === "RaftError" &&
      typeof (error as { code?: unknown }).code === "string"
    );
  }
}
