import type { ServerHttp2Stream } from "node:http2";

import type { ByteSink } from "./flowing-body.ts";
import type { NodeResponse } from "./node-exchange.ts";
import type { ResponseAhead } from "./write-ahead.ts";

/** So many bytes are written without waiting for the turn to end. */
const MAX_PENDING_BYTES = 64 * 1024;

/** Which turn it is, of those in which something was written. One immediate counts for all: a thousand watches that are told something would each make one of their own. */
let turn = 0;
let isTurnCounted = false;
/** Who has something that waits for the end of the turn. */
let waiting: TurnWriter[] = [];

function countTurn(): void {
  if (isTurnCounted) return;
  isTurnCounted = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  const ended = waiting;
  waiting = [];
  isTurnCounted = false;
  turn++;
  for (const writer of ended) writer.endTurn();
}

/**
 * Writes the pieces of a streamed body: the first at once, and those that come in the same turn of the event loop together at its end. A write costs more than a small piece, and a watch of
 * many changes has many of them in a turn.
 */
export class TurnWriter implements ByteSink {
  /** Of HTTP/2 the stream itself: the response around it adds nothing to a write, and would be more memory to go through. */
  readonly #target: ServerHttp2Stream | NodeResponse;
  readonly #ahead: ResponseAhead;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** The turn in which it wrote last. */
  #turn = -1;
  #wantsPause = false;

  /** The response's head must be on its way before anything is written. */
  constructor(response: NodeResponse, ahead: ResponseAhead) {
    this.#target = response.stream ?? response;
    this.#ahead = ahead;
  }

  /** Whether the last write found no room left. */
  get wantsPause(): boolean {
    return this.#wantsPause;
  }

  /** Whether it is not to be given more. */
  get isFull(): boolean {
    return this.#wantsPause && !this.#ahead.hasRoom();
  }

  take(bytes: Uint8Array): boolean {
    this.write(bytes);
    return !this.isFull;
  }

  write(bytes: Uint8Array): void {
    if (this.#turn === turn) {
      if (this.#pending.push(bytes) === 1) waiting.push(this);
      this.#pendingBytes += bytes.byteLength;
      if (this.#pendingBytes >= MAX_PENDING_BYTES) this.flush();
    } else {
      this.#turn = turn;
      countTurn();
      this.#send(bytes);
    }
  }

  /** Writes what waits for the end of the turn. */
  flush(): void {
    const [first] = this.#pending;
    if (first === undefined) return;
    const bytes = this.#pending.length === 1 ? first : Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    if (this.#target.destroyed !== true) this.#wantsPause = !this.#target.write(bytes);
  }

  /** What it writes then belongs to the next turn. */
  endTurn(): void {
    if (this.#pending.length === 0) return;
    this.#turn = turn;
    countTurn();
    this.flush();
  }
}
