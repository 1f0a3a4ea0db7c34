import type { StoredRecord } from "@trellis/storage";

/** Units that are remembered: more than most control planes have. */
const MAX_REMEMBERED = 1_024;

/** Larger ones are read each time: the bound on how many there are is to bound their memory as well. */
const MAX_BYTES = 16 * 1024;

/**
 * Units of tenancies that were seen live. A mutation that adds to one has its commit prove that it still is, so what was seen lately does as well as another read, which
 * takes a way to another process where the store is elsewhere.
 */
export class RememberedGuards {
  /** By the string form of their keys, from the one that was learned first on. */
  readonly #live = new Map<string, StoredRecord>();

  /** What was last seen of a unit, if it was live. */
  get(key: string): StoredRecord | undefined {
    return this.#live.get(key);
  }

  /** Notes what is stored of a unit. */
  learn(key: string, record: StoredRecord | undefined): void {
    this.#live.delete(key);
    if (record === undefined || record.marked || record.bytes.byteLength > MAX_BYTES) return;
    this.#live.set(key, record);
    if (this.#live.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#live.keys()) {
      this.#live.delete(oldest);
      return;
    }
  }
}
