import type { Clock } from "@trellis/resource";
import { type Key, type ListResult, StorageError, type TypeQuery, type Version } from "@trellis/storage";

import type { Reads } from "../calls/reads.ts";
import { hasCode } from "../errors.ts";
import { HOLD_MS } from "../patience.ts";

/** Records in one page. */
const PAGE_RECORDS = 512;

/** The snapshot of a watch: a list in pages of one version, each from whichever replica has it. */
export class SnapshotPages {
  readonly #clock: Clock;
  readonly #reads: Reads;
  readonly #query: TypeQuery;
  /** Of the first page, and so of all. */
  #version: Version | undefined;
  #after: Key | undefined;

  constructor({ clock, reads }: { readonly clock: Clock; readonly reads: Reads }, query: TypeQuery) {
    this.#clock = clock;
    this.#reads = reads;
    this.#query = query;
  }

  /** The next page. Throws `slow-watcher` when it was asked for so late that no replica keeps the version, and whatever a list throws. */
  async next(closing: AbortSignal): Promise<ListResult> {
    const version = this.#version;
    const after = this.#after;
    const hold = new AbortController();
    const cancel = this.#clock.after(HOLD_MS, () => hold.abort());
    try {
      const page = await this.#reads.list(this.#query, {
        limit: PAGE_RECORDS,
        signal: AbortSignal.any([hold.signal, closing]),
        ...(version !== undefined && { atVersion: version }),
        ...(after !== undefined && { after }),
      });
      this.#version = page.position.version;
      this.#after = page.records.at(-1)?.key ?? after;
      return page;
    } catch (error) {
      if (!hasCode(error, "version-gone")) throw error;
      throw new StorageError(
        "slow-watcher",
        `the watch read its snapshot of version ${version} so slowly that no replica keeps it; begin again and read faster`,
        { cause: error },
      );
    } finally {
      cancel();
    }
  }
}
