import type { Backend, ReadOptions, ReadResult } from "./backend.ts";
import type { Key } from "./key.ts";

/** Reads a record as {@link Backend.read} does; at once where the backend can. */
export function readNowOrWait(
  backend: Pick<Backend, "read" | "readNow">,
  key: Key,
  options: ReadOptions,
): ReadResult | Promise<ReadResult> {
  const found = backend.readNow?.(key, options);
  if (found !== undefined) return found;
  // Not before: to make a signal costs more than to read.
  const { consistency, minimum, signal } = options;
  return backend.read(key, { consistency, minimum, signal });
}
