import type { Message } from "@bufbuild/protobuf";

import { StorageError } from "../errors.ts";

/** The one way in which a message is refused: a later version wrote it, and acting without what it says would be something else than was asked for. */
export function unsupported(what: string, cause?: unknown): StorageError {
  return new StorageError(
    "unsupported",
    `${what}, which this version does not know; use the version that wrote it`,
    {
      cause,
    },
  );
}

/** A message that is there and known to its last field. Throws `unsupported`. */
export function known<M extends Message>(message: M | undefined, what: string): M {
  if (message === undefined) throw unsupported(`${what} is missing in a message`);
  const [unknown] = message.$unknown ?? [];
  if (unknown !== undefined) throw unsupported(`${what} has a field ${unknown.no}`);
  return message;
}

/** A number as messages carry it. Throws `invalid` for one that is not whole, below 0 or beyond 2^53: a message with it could not be sent, nor others with it. */
export function fromNumber(value: number, what: string): bigint {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new StorageError("invalid", `${what} is a whole number below 2^53, found ${value}`);
  return BigInt(value);
}

/** A number of a message. Throws `unsupported` for one beyond 2^53. */
export function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw unsupported(`a number ${value} is beyond 2^53`);
  return number;
}
