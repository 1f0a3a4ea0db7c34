import type { Item } from "./item.ts";
import type { LogTail } from "./log-tail.ts";

/** An append that waits for its turn, or for its batch to be durable. */
export interface PendingAppend {
  readonly items: readonly Item[];
  /** What it takes up in a record. */
  readonly bytes: number;
  /** The log after it. */
  readonly tailAfter: LogTail;
  /** When it was accepted, in milliseconds of the clock. */
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The appends that wait, in order. The log bounds their number and bytes before it adds one. */
export class AppendQueue {
  #pending: PendingAppend[] = [];
  #bytes = 0;

  get length(): number {
    return this.#pending.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldestSinceMs(): number | undefined {
    return this.#pending[0]?.sinceMs;
  }

  add(append: PendingAppend): void {
    this.#pending.push(append);
    this.#bytes += append.bytes;
  }

  /** Takes the next batch: as many as fit into so many bytes, at least one. Empty when none waits. */
  take(maxBytes: number): readonly PendingAppend[] {
    let [count, bytes] = [0, 0];
    for (const append of this.#pending) {
      if (count > 0 && bytes + append.bytes > maxBytes) break;
      bytes += append.bytes;
      count++;
    }
    this.#bytes -= bytes;
    return this.#pending.splice(0, count);
  }

  /** Takes all. */
  clear(): readonly PendingAppend[] {
    const pending = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    return pending;
  }
}
