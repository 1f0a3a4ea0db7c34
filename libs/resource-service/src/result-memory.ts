/** A piece of memory for results of a batch. */
export const PIECE_BYTES = 32 * 1024;
/** So many pieces wait to be used again, 8 MiB: what 64 batches of a hundred results each have. */
export const MAX_SPARE_PIECES = 256;

/**
 * Memory that holds the results of batches until they are answered, and is used again then. Results wait so long for the last of their batch that new memory for each would have become
 * old to V8 meanwhile, which looks through its whole heap once so many bytes of such memory are new.
 */
export class ResultMemory {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** A piece of which nobody else has a view, with anything in it. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  /** Takes a piece back that its owner looks at no more. */
  give(piece: Uint8Array<ArrayBuffer>): void {
    if (piece.length === PIECE_BYTES && this.#spare.length < MAX_SPARE_PIECES) this.#spare.push(piece);
  }
}
