/** A stream whose messages may be taken one by one, or as many at a time as are at hand. Nobody changes them any more: several streams may have the same. */
export interface BatchedStream<M> extends AsyncIterableIterator<M> {
  /** The next messages, one at least; undefined at the end. */
  nextBatch(): Promise<readonly M[] | undefined>;
}

/** Where a stream takes its batches from. */
export interface BatchSource<M> {
  /** The next messages; undefined at the end. */
  next(): Promise<readonly M[] | undefined>;
  /** The consumer has had enough. */
  return(): Promise<void>;
}

/** Makes a stream of batches. It has one consumer: what comes next is asked for when the last answer is there. */
export function batchedStream<M>(source: BatchSource<M>): BatchedStream<M> {
  let batch: readonly M[] = [];
  let taken = 0;
  let isAsked = false;

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
  };
  return stream;
}

/** Whether a stream's messages may be taken many at a time. */
export function isBatched<M>(stream: AsyncIterator<M>): stream is BatchedStream<M> {
  return "nextBatch" in stream;
}
