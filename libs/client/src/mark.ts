import {
  CONSISTENCY_HEADER,
  errorReason,
  isConnectError,
  MIN_VERSION_HEADER,
  STORE_HEADER,
  VERSION_HEADER,
} from "@trellis/resource";

import type { StorePosition } from "./client.ts";
import { isNewerVersion } from "./versions.ts";

/** The position that an answer's headers tell; undefined when they tell none. */
export function positionOf(headers: Headers): StorePosition | undefined {
  const storeId = headers.get(STORE_HEADER);
  const version = headers.get(VERSION_HEADER);
  return storeId === null || version === null ? undefined : { storeId, version };
}

/**
 * The newest position that a client has seen. Sent with every call, so that no answer shows less than an earlier one, through whichever
 * server it comes (API.md §2).
 */
export class Mark {
  #seen: StorePosition | undefined;
  /** The store that the present one took the place of: a late answer from it is no news. */
  #former: string | undefined;

  /** What was seen; undefined before the first answer. */
  get seen(): StorePosition | undefined {
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

  /** Takes note of an answer's position. */
  note(headers: Headers): void {
    const position = positionOf(headers);
    if (position !== undefined) this.advance(position);
  }

  /** Takes note of a position, of an answer or of a watch. Another store's replaces what was seen: versions of two cannot be compared. */
  advance(position: StorePosition): void {
    const seen = this.#seen;
    if (position.storeId === this.#former) return;
    if (seen !== undefined && seen.storeId !== position.storeId) this.#moveTo(position);
    else if (seen === undefined || isNewerVersion(position.version, seen.version)) this.#seen = position;
  }

  /** Takes note of an error; true when it tells that another store answers now than the one that the mark was of. */
  noteError(error: unknown): boolean {
    if (!isConnectError(error)) return false;
    const position = positionOf(error.metadata);
    if (errorReason(error) !== "STORE_CHANGED") {
      if (position !== undefined) this.advance(position);
      return false;
    }
    const before = this.#seen?.storeId;
    if (before === undefined || before === position?.storeId) return false;
    this.#moveTo(position);
    return true;
  }

  #moveTo(position: StorePosition | undefined): void {
    this.#former = this.#seen?.storeId;
    this.#seen = position;
  }
}
