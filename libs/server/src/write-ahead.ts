import type { NodeResponse } from "./node-exchange.ts";

/** What one response may have been given and not sent yet, in bytes. */
const MAX_PER_RESPONSE = 256 * 1024;
/** The same of all responses of a server. */
const MAX_IN_ALL = 64 * 1024 * 1024;

/** One response's part. */
export interface ResponseAhead {
  /** Whether it may be given more although Node says that it has enough. */
  hasRoom(): boolean;
  /** Gives back what it had. */
  close(): void;
}

/**
 * Bytes that responses were given ahead of what the network took. Node asks for a pause at 64 KiB, and what was written leaves once in a turn of the event loop: a watch of
 * large resources moved four of them in a turn, and fell behind while there was much else to do. Beyond these bounds Node's word counts.
 */
export class WriteAhead {
  readonly #maxPerResponse: number;
  readonly #maxInAll: number;
  #bytes = 0;

  constructor(maxPerResponse = MAX_PER_RESPONSE, maxInAll = MAX_IN_ALL) {
    this.#maxPerResponse = maxPerResponse;
    this.#maxInAll = maxInAll;
  }

  open(response: Pick<NodeResponse, "writableLength">): ResponseAhead {
    let counted = 0;
    const count = (length: number): void => {
      this.#bytes += length - counted;
      counted = length;
    };
    return {
      hasRoom: () => {
        count(response.writableLength);
        return counted < this.#maxPerResponse && this.#bytes < this.#maxInAll;
      },
      close: () => count(0),
    };
  }
}
