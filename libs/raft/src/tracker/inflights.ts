import type { LogIndex } from "../numbers.ts";
import { violated } from "../invariant.ts";

interface Inflight {
  /** Index of the message's last entry. */
  readonly index: LogIndex;
  /** Payload of the message. */
  readonly bytes: number;
}

/**
 * The window of appends that were sent to one follower and not answered yet, oldest first. Bounded by a number of messages
 * and, softly, by bytes: the limit is looked at before a message is added, so that one message may overshoot it.
 */
export class Inflights {
  readonly #maxMessages: number;
  /** 0 for no limit. */
  readonly #maxBytes: number;
  /** Ascending by index. Those before `#start` were answered. */
  #window: Inflight[] = [];
  #start = 0;
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  /** Messages in flight. */
  get count(): number {
    return this.#window.length - this.#start;
  }

  /** True when nothing more may be sent before an answer. */
  get isFull(): boolean {
    return this.count >= this.#maxMessages || (this.#maxBytes !== 0 && this.#bytes >= this.#maxBytes);
  }

  /** Notes a message whose last entry is at `index`. */
  add(index: LogIndex, bytes: number): void {
    if (this.isFull) violated(`no message may be sent into a full window (${this.count} in flight)`);
    this.#window.push({ index, bytes });
    this.#bytes += bytes;
  }

  /** The follower has everything up to `index`: frees the messages up to it. An older answer frees nothing. */
  freeUpTo(index: LogIndex): void {
    for (; this.#start < this.#window.length; this.#start++) {
      const oldest = this.#window[this.#start];
      if (oldest === undefined || oldest.index > index) break;
      this.#bytes -= oldest.bytes;
    }
    // Drops the answered part when it is the larger one, so that freeing costs a constant time per message.
    if (this.#start * 2 >= this.#window.length) {
      this.#window = this.#window.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Forgets everything in flight. */
  reset(): void {
    this.#window = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  clone(): Inflights {
    const copy = new Inflights(this.#maxMessages, this.#maxBytes);
    copy.#window = this.#window.slice(this.#start);
    copy.#bytes = this.#bytes;
    return copy;
  }
}
