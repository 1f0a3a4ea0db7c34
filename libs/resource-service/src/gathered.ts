import type { WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Version } from "@trellis/storage";

import { BATCH_BYTES, type EventToSend } from "./watch-events.ts";

/** Events that are sent together, and how far the watch has come. */
export class Gathered {
  #events: WatchEvent[] = [];
  #bytes = 0;
  #sent: Version | undefined;
  /** Everything up to here is gathered, or was sent. */
  reached: Version | undefined;

  constructor(since: Version | undefined) {
    this.reached = since;
    this.#sent = since;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES;
  }

  /** Everything up to here was sent. */
  get sent(): Version | undefined {
    return this.isEmpty ? this.reached : this.#sent;
  }

  /** Everything up to here was sent, and not from here. */
  pass(version: Version): void {
    this.reached = version;
    this.#sent = version;
  }

  add(event: EventToSend): void {
    this.#events.push(event.make());
    this.#bytes += event.size;
  }

  /** The events, which are sent now. */
  take(): readonly WatchEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    this.#sent = this.reached;
    return events;
  }
}
