import type { LogIndex } from "@trellis/raft";
import { type Wal, WalError } from "@trellis/wal";

import { fromWalEntry } from "./entry-codec.ts";
import type { LogWindow } from "./log-window.ts";

/** What reading works with. */
export interface LogReaderDeps {
  readonly wal: Wal;
  readonly window: LogWindow;
  /** The core may ask again: what it asked for is there, or it is known that the log has it no more. */
  readonly onRead: () => void;
  /** The disk failed, or what it gave is not what was written: the node is over. */
  readonly onFailure: (error: unknown) => void;
}

/** Reads entries from disk that the core asked for and the window does not have: one piece of the log at a time, in the order in which they were asked for. */
export class LogReader {
  readonly #deps: LogReaderDeps;

  constructor(deps: LogReaderDeps) {
    this.#deps = deps;
  }

  /** Begins to read what is wanted, unless something is being read. */
  start(): void {
    const { window, onRead, onFailure } = this.#deps;
    const next = window.nextRead();
    if (next === undefined) return;
    this.#read(next.from, next.maxBytes).then(
      (isNews) => {
        if (isNews) onRead();
        else this.start();
      },
      (error: unknown) => onFailure(error),
    );
  }

  /** Answers whether there is something new for the core. */
  async #read(from: LogIndex, maxBytes: number): Promise<boolean> {
    const { wal, window } = this.#deps;
    const before = Math.min(window.lastIndex(), wal.lastIndex) + 1;
    if (from >= before) {
      // Another leader took it back. Whoever needed it is asked what it needs now.
      window.read([]);
      return false;
    }
    try {
      const entries = await wal.read({ from, before }, { maxBytes });
      window.read(entries.map(fromWalEntry));
    } catch (error) {
      if (!WalError.is(error) || error.code !== "compacted") throw error;
      // A snapshot has taken its place.
      window.read([]);
    }
    return true;
  }
}
