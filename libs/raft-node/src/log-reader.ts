import type { LogIndex } from "@trellis/raft";
import { type Wal, WalError } from "@trellis/wal";

import { fromWalEntry } from "./entry-codec.ts";
import type { LogWindow } from "./log-window.ts";
import { READ_RETRY_MS } from "./options.ts";
import type { NodeClock } from "./ports.ts";

/** What reading works with. */
export interface LogReaderDeps {
  readonly clock: Pick<NodeClock, "after">;
  readonly wal: Wal;
  readonly window: LogWindow;
  /** The core may ask again: what it asked for is there, or it is known that the log has it no more. */
  readonly onRead: () => void;
  /** The disk failed, or what it gave is not what was written: the node is over. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Reads entries from disk that the core asked for and the window does not have: one piece of the log at a time, in the order in which they were asked
 * for. While too many files are open to open another one, it tries again every {@link READ_RETRY_MS}.
 */
export class LogReader {
  readonly #deps: LogReaderDeps;
  /** Calls off the next try; undefined while none is waited for. */
  #cancelRetry: (() => void) | undefined;
  #isOver = false;

  constructor(deps: LogReaderDeps) {
    this.#deps = deps;
  }

  /** Begins to read what is wanted, unless something is being read, or could not be read just now. */
  start(): void {
    if (this.#isOver || this.#cancelRetry !== undefined) return;
    const { window, onRead, onFailure } = this.#deps;
    const next = window.nextRead();
    if (next === undefined) return;
    this.#read(next.from, next.maxBytes).then(
      (isNews) => {
        if (isNews) onRead();
        else this.start();
      },
      (error: unknown) => {
        if (hasTooManyFiles(error)) this.#retryLater();
        else onFailure(error);
      },
    );
  }

  /** Reads nothing any more. */
  end(): void {
    this.#isOver = true;
    this.#cancelRetry?.();
  }

  /** Takes what is read for not there, and lets the core ask again later: what it needs by then may be something else. */
  #retryLater(): void {
    if (this.#isOver) return;
    const { clock, window, onRead } = this.#deps;
    window.read([]);
    this.#cancelRetry = clock.after(READ_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      onRead();
    });
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

/** Whether an error of the disk is about this process, or all of this machine, rather than about the disk: it goes by as others close files. */
function hasTooManyFiles(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "EMFILE" || code === "ENFILE";
}
