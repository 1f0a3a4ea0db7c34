/**
 * What went wrong, a closed set.
 *
 * Not applied, and the log goes on: `invalid` (the caller's mistake), `too-large`, `busy` (a queue is full; of an inspection: the log changes too
 * fast), `no-space` (the reserve is used up or could not be made), `compacted` (the entry was dropped behind a snapshot mark).
 * The log is over: `outcome-unknown` (this append may or may not be on disk), `stopped` (after such a failure), `closed`.
 * Opening was refused: `locked`, `not-found`, `damaged`, `unsupported-format`, `io`.
 */
export type WalErrorCode =
  | "invalid"
  | "too-large"
  | "busy"
  | "no-space"
  | "compacted"
  | "outcome-unknown"
  | "stopped"
  | "closed"
  | "locked"
  | "not-found"
  | "damaged"
  | "unsupported-format"
  | "io";

/** Where an error was found, and what caused it. */
export interface WalErrorDetails {
  /** The file's name inside the log's directory. */
  readonly file?: string;
  /** Bytes from the beginning of the file. */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** The one error class of the log. */
export class WalError extends Error {
  override readonly name = "WalError";
  readonly code: WalErrorCode;
  readonly file: string | undefined;
  readonly offset: number | undefined;

  constructor(code: WalErrorCode, message: string, details: WalErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.offset = details.offset;
  }

  /** Recognises the class across realms and copies of this package, where `instanceof` does not. */
  static is(error: unknown): error is WalError {
    return (
      typeof error === "object" &&
      error !== null &&
      (error as { name?: unknown }).name === "WalError" &&
      typeof (error as { code?: unknown }).code === "string"
    );
  }
}

/** The refusal to open a log in which something is not as it was written. */
export function damaged(file: string, offset: number, found: string): WalError {
  return new WalError(
    "damaged",
    `${file} is damaged at byte ${offset}: ${found}. This is not the torn end of an interrupted write, so what the log promised may be ` +
      `lost and nothing was changed. Look for disk errors; then put the directory back from a copy, or begin with an empty one: restore a ` +
      `snapshot into it or, if this is a member of a cluster, remove the member and let it join again`,
    { file, offset },
  );
}

/** Whether an error of the disk says that there is no room, rather than that the disk is broken. */
export function isNoSpace(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Fails loudly when something that cannot happen did: a mistake in this package. Stays on in production. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken invariant of the log: ${what}`);
}
