/** The same messages, until a signal ends them: a stream that would wait for its client for ever ends with its server. */
export async function* endedBy<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const source = messages[Symbol.asyncIterator]();
  // One wait at a time: racing with one promise that lives as long as the stream would keep something of every message.
  let endWait = (): void => undefined;
  const end = (): void => endWait();
  signal.addEventListener("abort", end, { once: true });
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        endWait = () => resolve(undefined);
        if (signal.aborted) endWait();
        else source.next().then(resolve, reject);
      });
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", end);
    await source.return?.();
  }
}
