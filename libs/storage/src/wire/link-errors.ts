import type { MinimumPosition } from "../backend.ts";
import { StorageError } from "../errors.ts";

/** How a call of a link ends that its caller gave up: `when` it was, in words, and whether the server had been asked by then. */
export function givenUp(when: string, isMutation: boolean, wasAsked: boolean): StorageError {
  if (!isMutation) return new StorageError("aborted", `the call was given up ${when}`);
  return new StorageError(wasAsked ? "outcome-unknown" : "unavailable", `the commit was given up ${when}`);
}

/** How a call ends whose link is lost. */
export function lostWith(reason: string, mayBeDone: boolean): StorageError {
  return mayBeDone
    ? new StorageError("outcome-unknown", `${reason}, with the commit under way`)
    : new StorageError("unavailable", reason);
}

/** The error of a read; of one that was given up, whether what it waited for was the version. */
export function notReached(
  error: unknown,
  {
    minimum,
    reached,
    where,
  }: {
    readonly minimum: MinimumPosition | undefined;
    readonly reached: number;
    readonly where: string;
  },
): unknown {
  if (!StorageError.is(error) || error.code !== "aborted" || minimum === undefined) return error;
  if (reached >= minimum.version) return error;
  return new StorageError(
    "version-not-reached",
    `expected version ${minimum.version}, and ${where} had reached ${reached} when the wait ended`,
    { cause: error },
  );
}
