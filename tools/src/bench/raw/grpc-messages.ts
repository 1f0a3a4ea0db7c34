/** Flags and length in front of each message of gRPC. */
export const ENVELOPE_BYTES = 5;

/** Finds the messages in what comes of a gRPC stream, in pieces of any size. */
export class GrpcMessages {
  readonly #onMessage: (message: Uint8Array) => void;
  #rest: Buffer | undefined;

  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  /** Takes the next piece. A message is a view into it, for the moment only. */
  take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= ENVELOPE_BYTES) {
      const end = at + ENVELOPE_BYTES + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#onMessage(bytes.subarray(at + ENVELOPE_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
  }
}
