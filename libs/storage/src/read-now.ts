import type { Backend, ReadOptions, ReadResult } from "./backend.ts";
import type { Key } from "./key.ts";

/** Reads a record as {@link Backend.read} does; at once where the backend can. */
export function readNowOrWait(
  backend: Pick<Backend, "read" | "readNow">,
  key: Key,
  options: ReadOptions,
): ReadResult | Promise<ReadResult> {
  const found = backend.readNow?.(key, options);
  return found ?? backend.read(key, new AsAsked(options));
}

/** What a read asks for. Its signal is made where it is looked at: to make one costs more than to read. */
class AsAsked implements ReadOptions {
  readonly consistency: ReadOptions["consistency"];
  readonly minimum: ReadOptions["minimum"];
  readonly caller: ReadOptions["caller"];
  readonly #asked: ReadOptions;

  constructor(asked: ReadOptions) {
    this.consistency = asked.consistency;
    this.minimum = asked.minimum;
    this.caller = asked.caller;
    this.#asked = asked;
  }

  get signal(): AbortSignal | undefined {
    return this.#asked.signal;
  }
}
