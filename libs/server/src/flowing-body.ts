/** Takes bytes of a body. An object, since a function for each of a thousand streams would be more memory to go through for each event. */
export interface ByteSink {
  /** Takes bytes that nobody changes any more. Returns whether it would take more; false once it has enough, also of those. */
  take(bytes: Uint8Array): boolean;
}

/** A streamed body that can give its bytes to who writes it, where that costs less than to be asked for them. */
export interface FlowingBody extends AsyncIterable<Uint8Array> {
  /**
   * From now on, while the iterator's `next` is awaited, the bytes of messages go to the sink as soon as they are there, each once and nobody changing them. When the sink says by false that it has
   * enough, of which it has what it was given, `next` is answered, with no bytes if need be; the end is told by `next` as ever.
   */
  flowTo(sink: ByteSink): void;
}

/** Whether a body can do so. */
export function isFlowing(body: AsyncIterable<Uint8Array>): body is FlowingBody {
  return "flowTo" in body;
}
