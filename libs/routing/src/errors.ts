import { StorageError } from "@trellis/storage";

/** Not applied: nothing of it was sent to anybody who could. */
export function notApplied(what: string, waitedFor: string, cause?: unknown): StorageError {
  return new StorageError("unavailable", `${what} was given up while it waited for ${waitedFor}; try again`, {
    cause,
  });
}

/** Not applied: it was made for a store whose place another one took, which may have the same versions. */
export function otherStore(what: string, madeFor: string, found: string | undefined): StorageError {
  return new StorageError(
    "unavailable",
    `${what} was for the store ${madeFor}, and ${found ?? "another one"} took its place: nothing was applied; try again`,
  );
}

/** Sent, and never answered. */
export function outcomeUnknown(what: string, why: string, cause?: unknown): StorageError {
  return new StorageError("outcome-unknown", `${what} was sent, and ${why}: it may have been applied`, {
    cause,
  });
}

/** The bound on what waits was reached. */
export function tooManyWaiting(limit: number, waitsFor: string): StorageError {
  return new StorageError(
    "resource-exhausted",
    `at most ${limit} calls wait here at once, for ${waitsFor}; try again in a second`,
  );
}

/** The bound on the bytes of what waits was reached. */
export function tooMuchWaiting(maxBytes: number, bytes: number, waitsFor: string): StorageError {
  return new StorageError(
    "resource-exhausted",
    `at most ${maxBytes} bytes of commits wait here at once, ${bytes} with this one, for ${waitsFor}; try again in a second`,
  );
}

/** The router was closed. */
export function closed(): StorageError {
  return new StorageError("unavailable", "this process ends, and takes nothing any more; ask another");
}

/** Whether an error is of storage and has one of the codes. */
export function hasCode(error: unknown, ...codes: readonly StorageError["code"][]): error is StorageError {
  return StorageError.is(error) && codes.includes(error.code);
}
