import { isGone, type NodeResponse } from "./node-exchange.ts";

/** So many bytes are written without waiting for the turn to end. */
const MAX_PENDING_BYTES = 64 * 1024;

/**
 * Writes the pieces of a streamed body: the first at once, and those that come in the same turn of the event loop together at its end. A write costs more than a small piece, and a watch of
 * many changes has many of them in a turn.
 */
export class TurnWriter {
  readonly #response: NodeResponse;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isInTurn = false;
  #wantsPause = false;

  constructor(response: NodeResponse) {
    this.#response = response;
  }

  /** Whether the last write found no room left. */
  get wantsPause(): boolean {
    return this.#wantsPause;
  }

  write(bytes: Uint8Array): void {
    if (this.#isInTurn) {
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.byteLength;
      if (this.#pendingBytes >= MAX_PENDING_BYTES) this.flush();
    } else {
      this.#isInTurn = true;
      setImmediate(this.#endTurn);
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
    if (!isGone(this.#response)) this.#wantsPause = !this.#response.write(bytes);
  }

  readonly #endTurn = (): void => {
    this.#isInTurn = this.#pending.length > 0;
    if (!this.#isInTurn) return;
    setImmediate(this.#endTurn);
    this.flush();
  };
}
