import type { ConnectError } from "@connectrpc/connect";
import {
  CONSISTENCY_HEADER,
  errorReason,
  isConnectError,
  MIN_VERSION_HEADER,
  STORE_HEADER,
  VERSION_HEADER,
} from "@trellis/resource";

/** How far a client has seen a store. */
export interface SeenPosition {
  readonly storeId: string;
  /** Decimal, as the service gives it. */
  readonly version: string;
}

/**
 * The newest position that a client has seen. Sent with every call, so that no answer shows less than an earlier one, through whichever
 * server it comes (API.md §2).
 */
export class Mark {
  #seen: SeenPosition | undefined;

  /** What was seen; undefined before the first answer. */
  get seen(): SeenPosition | undefined {
    return this.#seen;
  }

  /** Asks for at least what was seen, unless the call says itself what it wants. */
  send(headers: Headers): void {
    if (
      this.#seen === undefined ||
      headers.has(MIN_VERSION_HEADER) ||
      headers.get(CONSISTENCY_HEADER) === "strong"
    )
      return;
    headers.set(STORE_HEADER, this.#seen.storeId);
    headers.set(MIN_VERSION_HEADER, this.#seen.version);
  }

  /** Takes note of an answer's position. Another store's replaces what was seen: its versions cannot be compared. */
  note(headers: Headers): void {
    const storeId = headers.get(STORE_HEADER);
    const version = headers.get(VERSION_HEADER);
    if (storeId !== null && version !== null) this.advance({ storeId, version });
  }

  /** Takes note of a position that was seen otherwise, in a watch for instance. */
  advance(position: SeenPosition): void {
    const seen = this.#seen;
    if (seen === undefined || seen.storeId !== position.storeId || isNewer(position.version, seen.version))
      this.#seen = position;
  }

  /** Takes note of an error. A changed store ends what is known of the former one. */
  noteError(error: unknown): void {
    if (!isConnectError(error)) return;
    if (errorReason(error) === "STORE_CHANGED") this.#seen = undefined;
    else this.note((error as ConnectError).metadata);
  }
}

function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
