import type { DataDirectory } from "@trellis/raft-node";

import { nextTurn, turns } from "./turns.ts";

/** Turns without anything on its way after which what follows from the last of it counts as through. */
const QUIET_TURNS = 40;

type Functions = Record<string, (...args: readonly unknown[]) => unknown>;

/** Counts what real disks are asked and have not answered, so that a test's clock stands still meanwhile. */
export class BusyDisks {
  #busy = 0;

  /** The same directory, counted. */
  watch({ description, identity, wal, snapshots }: DataDirectory): DataDirectory {
    const [one, two, three] = [identity, wal, snapshots].map((disk) => this.#counted(disk));
    return { description, identity: one, wal: two, snapshots: three } as DataDirectory;
  }

  /** Resolves once nothing is on its way, nor follows from what was. */
  async quiet(): Promise<void> {
    for (;;) {
      await turns(QUIET_TURNS);
      if (this.#busy === 0) return;
      while (this.#busy > 0) await nextTurn();
    }
  }

  #counted<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = (object as Record<PropertyKey, unknown>)[name];
        if (typeof value !== "function") return value;
        return (...args: readonly unknown[]) => {
          const answer = (object as Functions)[name as string]?.(...args);
          return answer instanceof Promise ? this.#waited(answer, name === "open") : answer;
        };
      },
    });
  }

  async #waited(answer: Promise<unknown>, isFile: boolean): Promise<unknown> {
    this.#busy++;
    try {
      const found = await answer;
      return isFile ? this.#counted(found as object) : found;
    } finally {
      this.#busy--;
    }
  }
}
