import { Code, type ConnectError } from "@connectrpc/connect";
import { apiError } from "@trellis/resource";

import { RETRY_AFTER_MS } from "./failure.ts";
import type { ServerLimits } from "./limits.ts";

/** A request of up to this many bytes may use all of the bound; larger ones leave the last quarter to such. */
const SMALL_BYTES = 16 * 1024;
const PART_FOR_LARGE = 0.75;
/** The bound is no smaller than this many of the largest request, or one that comes compressed might find no room in an idle server. */
const LEAST_REQUESTS = 4;

/** What one request holds of the bound. */
export interface HeldBody {
  /** Throws `LIMIT_REACHED` when a body of so many bytes would not fit at this moment. Takes nothing: what a head announces costs its sender nothing. */
  expect(bytes: number): void;
  /** Takes bytes that came, or came out of compressed ones. Throws `LIMIT_REACHED`, having taken nothing, when they do not fit. */
  take(bytes: number): void;
  /** Gives back all but so many bytes. */
  keep(bytes: number): void;
  /** Gives back everything; what is still taken for a request that is over counts no more. */
  end(): void;
}

/** The bytes of all requests that are held at once. */
export interface HeldBytes {
  /** The part of one more request, which holds nothing yet, until it is ended. */
  open(): HeldBody;
}

/**
 * Bounds the bytes of requests that a server holds, whoever sent them: the number of requests alone bounds nothing when each may have a megabyte. A request
 * counts with what came of it, not with what it announced, and until it is answered. Past the bound it is refused rather than left waiting, since
 * requests that are half there would wait for each other.
 */
export function createHeldBytes(limits: Pick<ServerLimits, "maxHeldBytes" | "maxRequestBytes">): HeldBytes {
  const maxBytes = Math.max(limits.maxHeldBytes, LEAST_REQUESTS * limits.maxRequestBytes);
  const bound: Bound = { maxBytes, maxRequestBytes: limits.maxRequestBytes, held: 0 };
  return { open: () => new HeldPart(bound) };
}

/** The bound of a server, and how much of it is held. */
interface Bound {
  readonly maxBytes: number;
  readonly maxRequestBytes: number;
  held: number;
}

class HeldPart implements HeldBody {
  readonly #bound: Bound;
  #own = 0;
  #isOver = false;

  constructor(bound: Bound) {
    this.#bound = bound;
  }

  expect(bytes: number): void {
    // Of a larger one is told that it is too large, however much is held.
    if (bytes <= this.#bound.maxRequestBytes) this.#check(bytes, bytes);
  }

  take(bytes: number): void {
    if (this.#isOver) return;
    this.#check(bytes, this.#own + bytes);
    this.#own += bytes;
    this.#bound.held += bytes;
  }

  keep(bytes: number): void {
    const given = Math.max(0, this.#own - bytes);
    this.#own -= given;
    this.#bound.held -= given;
  }

  end(): void {
    this.#isOver = true;
    this.keep(0);
  }

  #check(more: number, whole: number): void {
    const { maxBytes, held } = this.#bound;
    const bound = whole > SMALL_BYTES ? maxBytes * PART_FOR_LARGE : maxBytes;
    if (held + more > bound) throw tooMuchHeld(maxBytes, held, more);
  }
}

function tooMuchHeld(maxBytes: number, held: number, more: number): ConnectError {
  return apiError({
    code: Code.ResourceExhausted,
    reason: "LIMIT_REACHED",
    message: `the requests under way have ${held} bytes, and ${more} more were to come; this server holds at most ${maxBytes}, the last quarter for small requests: try again in a second, with fewer at once`,
    metadata: { applied: "no" },
    retryAfterMs: RETRY_AFTER_MS,
  });
}
