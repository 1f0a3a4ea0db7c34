import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type DataDirectory, openDataDirectory } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import {
  type LocalStore,
  type LocalStoreConfig,
  type LocalStoreDeps,
  openLocalStore,
} from "../open-local-store.ts";

/** Small files: the tests open many stores. */
export const SMALL_WAL = {
  segmentBytes: 64 * 1024,
  appendBytes: 32 * 1024,
  batchBytes: 32 * 1024,
  hardStateBytes: 1024,
  segmentsAhead: 1,
};
const SMALL: LocalStoreConfig = { wal: SMALL_WAL, entryBytes: 8 * 1024 };

/** The time that a store works with, and who is told of what happens. */
type LocalTime = Pick<LocalStoreDeps, "clock" | "nextTurn" | "onEvent">;

/** Stores in directories of this machine's disk, on a clock that stands still: a store of one waits for no time. */
export class LocalStores {
  readonly clock = createVirtualClock();
  /** Whether the disk has no room for new files of a log. */
  isFull = false;
  readonly #time: LocalTime = { clock: this.clock, nextTurn: (callback) => void setImmediate(callback) };
  #root = "";
  #open: LocalStore[] = [];

  async begin(): Promise<void> {
    this.#root = await mkdtemp(join(tmpdir(), "trellis-local-store-"));
  }

  /** Closes all stores, and takes their directories away. */
  async end(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
    await rm(this.#root, { recursive: true });
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  /** Opens the store in a directory. */
  async open(name: string, config: LocalStoreConfig = {}, time: LocalTime = this.#time): Promise<LocalStore> {
    const found = await openDataDirectory(this.path(name));
    const data = { ...found, wal: this.#limited(found.wal) };
    const store = await openLocalStore({ ...time, random: Math.random, data }, { ...SMALL, ...config });
    this.#open.push(store);
    return store;
  }

  #limited(disk: DataDirectory["wal"]): DataDirectory["wal"] {
    return {
      ...disk,
      open: async (name, mode) => {
        if (this.isFull && mode === "create")
          throw Object.assign(new Error(`no room for ${name}`), { code: "ENOSPC" });
        return await disk.open(name, mode);
      },
    };
  }

  async close(store: LocalStore): Promise<void> {
    this.#open = this.#open.filter((other) => other !== store);
    await store.close();
  }

  /** A second directory with the files of the first as they are now. */
  async copy(from: string, to: string): Promise<void> {
    await cp(this.path(from), this.path(to), { recursive: true });
  }

  /** The bytes of a snapshot of a store as of now. */
  async save(store: LocalStore): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await store.node.openSnapshot()).pieces()) pieces.push(piece);
    return Buffer.concat(pieces);
  }
}

/** Time that passes as somebody works: a little with each look at it, much with each turn of the event loop. */
export function slowTime({
  lookMs,
  turnMs,
}: {
  readonly lookMs: number;
  readonly turnMs: number;
}): LocalTime {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => (nowMs += lookMs),
    after(delayMs, callback) {
      const dueMs = nowMs + delayMs;
      let isCancelled = false;
      const look = (): void => {
        if (isCancelled) return;
        if (nowMs >= dueMs) callback();
        else setImmediate(look);
      };
      setImmediate(look);
      return () => {
        isCancelled = true;
      };
    },
  };
  return {
    clock,
    nextTurn(callback) {
      nowMs += turnMs;
      // The disk is a real one: where turns passed as fast as they can, seconds of this time would be less than it needs for a read.
      setTimeout(callback, 1);
    },
  };
}

/** Bytes in pieces of a size, as a file or a network gives them. */
export async function* inPieces(bytes: Uint8Array, size = 50): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
