import type { Message } from "@trellis/raft";

import type { Announcement } from "../peers.ts";

/** Bytes of entries and contexts that wait on one lane; a single larger message still goes. */
const QUEUED_BYTES = 32 * 1024 * 1024;
const QUEUED_MESSAGES = 4096;
/** Bytes of one batch; a single larger message still goes. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** What is sent at once. */
export interface LaneBatch {
  readonly messages: readonly Message[];
  readonly announcement: Announcement;
}

/**
 * A queue of messages to one member: whoever sends takes all that waits, up to the bounds of a batch, so that a slow connection gathers larger
 * batches instead of more of them.
 */
export class LaneQueue {
  #messages: Message[] = [];
  #bytes = 0;
  #announcement: Announcement | undefined;
  #waiting: (() => void) | undefined;
  #isClosed = false;

  /** False when there is no room: then nothing was added. */
  add(messages: readonly Message[], announcement: Announcement): boolean {
    const bytes = messages.reduce((sum, message) => sum + weight(message), 0);
    const isFull =
      this.#messages.length + messages.length > QUEUED_MESSAGES || this.#bytes + bytes > QUEUED_BYTES;
    if (this.#isClosed || (isFull && this.#messages.length > 0)) return false;
    for (const message of messages) this.#messages.push(message);
    this.#bytes += bytes;
    this.#announcement = announcement;
    this.#wake();
    return true;
  }

  /** The next batch, once there is one; undefined when the lane is closed. */
  async next(): Promise<LaneBatch | undefined> {
    while (!this.#isClosed) {
      const announcement = this.#announcement;
      if (this.#messages.length > 0 && announcement !== undefined)
        return { messages: this.#take(), announcement };
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#messages = [];
    this.#bytes = 0;
    this.#wake();
  }

  #take(): readonly Message[] {
    let count = 0;
    let bytes = 0;
    for (const message of this.#messages) {
      bytes += weight(message);
      if (count > 0 && bytes > BATCH_BYTES) break;
      count++;
    }
    const taken = this.#messages.splice(0, count);
    for (const message of taken) this.#bytes -= weight(message);
    return taken;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

function weight({ entries, context }: Message): number {
  return entries.reduce((bytes, { data }) => bytes + data.length, context.length);
}
