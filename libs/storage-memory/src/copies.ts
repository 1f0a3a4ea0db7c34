import { StorageError, type StoredEvent, toVersion, type Version } from "@trellis/storage";

import type { History } from "./history.ts";
import type { StoreLimits } from "./limits.ts";
import { cloneTables, replaceRecord, type Tables } from "./tables.ts";

interface Copy {
  readonly tables: Tables;
  usedAtMs: number;
}

/**
 * Older versions of the tables, for pages and snapshots. All readers of a version share its copy; a copy that was let go is made again from
 * the history, as long as that reaches back so far.
 */
export class Copies {
  readonly #limits: StoreLimits;
  readonly #byVersion = new Map<Version, Copy>();

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** How many copies are kept. */
  get size(): number {
    return this.#byVersion.size;
  }

  /**
   * The tables as of a version. Throws `version-gone` before the history's beginning, `invalid` after the present.
   */
  at(version: Version, present: { readonly tables: Tables; readonly version: Version; readonly history: History }, nowMs: number): Tables {
    if (version > present.version) {
      throw new StorageError("invalid", `version ${version} is in the future: the store is at ${present.version}`);
    }
    if (version < present.history.oldest) {
      this.#byVersion.delete(version);
      throw new StorageError("version-gone", `version ${version} is no longer kept: the history begins at ${present.history.oldest}; start again`);
    }
    this.#release(nowMs);
    const kept = this.#byVersion.get(version);
    if (kept !== undefined) {
      kept.usedAtMs = nowMs;
      // The map is in order of last use: what is used moves to its end.
      this.#byVersion.delete(version);
      this.#byVersion.set(version, kept);
      return kept.tables;
    }
    const tables = cloneTables(present.tables);
    for (let undo = present.version; undo > version; undo = toVersion(undo - 1)) {
      for (const event of present.history.at(undo).events.toReversed()) revert(tables, event);
    }
    this.#byVersion.set(version, { tables, usedAtMs: nowMs });
    this.#release(nowMs);
    return tables;
  }

  /** Lets go of all copies. */
  clear(): void {
    this.#byVersion.clear();
  }

  #release(nowMs: number): void {
    for (const [version, { usedAtMs }] of this.#byVersion) {
      const over = this.#byVersion.size > this.#limits.copies || nowMs - usedAtMs > this.#limits.copyAgeMs;
      if (!over) break;
      this.#byVersion.delete(version);
    }
  }
}

function revert(tables: Tables, event: StoredEvent): void {
  if (event.kind === "put") replaceRecord(tables, event.record, event.previous);
  else replaceRecord(tables, undefined, event.record);
}
