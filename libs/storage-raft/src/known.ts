import type { Message } from "@bufbuild/protobuf";
import { RaftNodeError } from "@trellis/raft-node";
import { StorageError } from "@trellis/storage";

/** The one way in which bytes of the log or a snapshot are refused: a later version wrote them, and going on without what they say would diverge. */
export function unsupported(what: string, cause?: unknown): RaftNodeError {
  return new RaftNodeError(
    "unsupported",
    `${what}, which this version does not know; start the version that wrote it`,
    { cause },
  );
}

/** A message that is there and known to its last field. Throws `unsupported`. */
export function known<M extends Message>(message: M | undefined, what: string): M {
  if (message === undefined) throw unsupported(`${what} is missing in a message`);
  const [unknown] = message.$unknown ?? [];
  if (unknown !== undefined) throw unsupported(`${what} has a field ${unknown.no}`);
  return message;
}

/** A number of the log or a snapshot. Throws `unsupported` for one beyond 2^53. */
export function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw unsupported(`a number ${value} is beyond 2^53`);
  return number;
}

/** Reads a part of an entry or a snapshot that goes over wires as well, and refuses what is not known of it as the log does. */
export function ofLog<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!StorageError.is(error) || error.code !== "unsupported") throw error;
    throw new RaftNodeError("unsupported", error.message, { cause: error });
  }
}
