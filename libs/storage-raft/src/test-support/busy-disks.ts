import type { DataDirectory } from "@trellis/raft-node";

import { nextTurn, turns } from "./turns.ts";

/** Turns without anything on its way after which what follows from the last of it counts as through. */
const QUIET_TURNS = 40;

type Functions = Record<string, (...args: readonly unknown[]) => unknown>;

/** What makes sure that a loss of power loses nothing. No test of these cuts the power, and on a machine whose disk others write to it takes seconds at times. */
const SYNCS: readonly PropertyKey[] = ["sync", "syncDirectory"];

/** Counts what real disks are asked and have not answered, so that a test's clock stands still meanwhile. Syncs are over in the next turn. */
export class BusyDisks {
  /** What each of them was asked. */
  readonly #busy = new Map<symbol, string>();

  /** The same directory, counted. */
  watch({ description, identity, wal, snapshots }: DataDirectory): DataDirectory {
    const [one, two, three] = [identity, wal, snapshots].map((disk) => this.#counted(disk));
    return { description, identity: one, wal: two, snapshots: three } as DataDirectory;
  }

  /** What is on its way. */
  get waiting(): readonly string[] {
    return [...this.#busy.values()];
  }

  /** Resolves once nothing is on its way, nor follows from what was. */
  async quiet(): Promise<void> {
    for (;;) {
      await turns(QUIET_TURNS);
      if (this.#busy.size === 0) return;
      while (this.#busy.size > 0) await nextTurn();
    }
  }

  #counted<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = (object as Record<PropertyKey, unknown>)[name];
        if (typeof value !== "function") return value;
        if (SYNCS.includes(name)) return () => this.#waited(nextTurn(), String(name));
        return (...args: readonly unknown[]) => {
          const answer = (object as Functions)[name as string]?.(...args);
          return answer instanceof Promise ? this.#waited(answer, String(name)) : answer;
        };
      },
    });
  }

  async #waited(answer: Promise<unknown>, what: string): Promise<unknown> {
    const asked = Symbol(what);
    this.#busy.set(asked, what);
    try {
      const found = await answer;
      return what === "open" ? this.#counted(found as object) : found;
    } finally {
      this.#busy.delete(asked);
    }
  }
}
