/** A stream whose messages may be taken one by one, or as many at a time as are at hand. Nobody changes them any more: several streams may have the same. */
export interface BatchedStream<M> extends AsyncIterableIterator<M> {
  /** The next messages, one at least; undefined at the end. None when the sink of this stream has enough. */
  nextBatch(): Promise<readonly M[] | undefined>;
  /**
   * From now on, while `nextBatch` is awaited, a stream that can gives its messages to the sink at once, batch after batch, which costs no promises. When the sink has enough, what is
   * awaited is answered with no messages; what the sink cannot be given, the end for one, is answered as ever. Such a stream is asked by `nextBatch` only.
   */
  flowTo(sink: BatchSink<M>): void;
}

/** Takes messages, one at least. Returns whether it would take more at once; false once it has enough, also of those. */
export type BatchSink<M> = (messages: readonly M[]) => boolean;

/** Where a stream takes its batches from. */
export interface BatchSource<M> {
  /** The next messages; undefined at the end. */
  next(): Promise<readonly M[] | undefined>;
  /** The consumer has had enough. */
  return(): Promise<void>;
  /** Takes the sink of {@link BatchedStream.flowTo}, and answers with no messages when that has enough. A source without this gives nothing to it. */
  flowTo?(sink: BatchSink<M>): void;
}

/** Makes a stream of batches. It has one consumer: what comes next is asked for when the last answer is there. */
export function batchedStream<M>(source: BatchSource<M>): BatchedStream<M> {
  let batch: readonly M[] = [];
  let taken = 0;
  let isAsked = false;
  let hasSink = false;

  /** What is left of the last batch, or the next one. */
  async function rest(): Promise<readonly M[] | undefined> {
    if (isAsked) throw new Error("a stream has one consumer: what was asked for last is not answered yet");
    isAsked = true;
    try {
      while (taken === batch.length) {
        taken = 0;
        batch = [];
        const next = await source.next();
        if (next === undefined) return undefined;
        batch = next;
        if (hasSink) return batch;
      }
      return batch;
    } finally {
      isAsked = false;
    }
  }

  const stream: BatchedStream<M> = {
    [Symbol.asyncIterator]: () => stream,
    async nextBatch() {
      const found = await rest();
      const messages = taken === 0 ? found : found?.slice(taken);
      batch = [];
      taken = 0;
      return messages;
    },
    async next() {
      if (hasSink) throw new Error("a stream that flows to a sink is asked for batches, not for messages");
      const found = await rest();
      if (found === undefined) return { done: true, value: undefined };
      return { done: false, value: found[taken++] as M };
    },
    async return() {
      batch = [];
      taken = 0;
      await source.return();
      return { done: true, value: undefined };
    },
    flowTo(sink) {
      hasSink = true;
      source.flowTo?.(sink);
    },
  };
  return stream;
}

/** Whether a stream's messages may be taken many at a time. */
export function isBatched<M>(stream: AsyncIterator<M>): stream is BatchedStream<M> {
  return "nextBatch" in stream;
}
