import { type Backend, StorageError, type Watch, type WatchBatch, watchIterator } from "@trellis/storage";

import type { History, RecordedWatch, Span } from "./history.ts";

/** Wraps a backend so that everything that passes through it is written down for {@link judgeHistory}. */
export function recordingBackend(backend: Backend, history: History, client: string): Backend {
  const begin = (): Span => ({ startedAt: history.moment(), client });

  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    close: () => backend.close(),
    async commit(operations, options = {}) {
      const { evaluateOnly = false } = options;
      const recorded = Object.assign(begin(), { kind: "commit" as const, operations, evaluateOnly });
      history.recorded.push(recorded);
      try {
        const result = await backend.commit(operations, options);
        Object.assign(recorded, { result, endedAt: history.moment() });
        return result;
      } catch (error) {
        if (StorageError.is(error)) Object.assign(recorded, { failure: error.code });
        Object.assign(recorded, { endedAt: history.moment() });
        throw error;
      }
    },
    async read(key, options = {}) {
      const recorded = Object.assign(begin(), { kind: "read" as const, key, options });
      history.recorded.push(recorded);
      const result = await backend.read(key, options);
      Object.assign(recorded, { result, endedAt: history.moment() });
      return result;
    },
    async list(query, options = {}) {
      const recorded = Object.assign(begin(), { kind: "list" as const, query, options });
      history.recorded.push(recorded);
      const result = await backend.list(query, options);
      Object.assign(recorded, { result, endedAt: history.moment() });
      return result;
    },
    watch(query, options = {}) {
      const recorded: RecordedWatch = Object.assign(begin(), {
        kind: "watch" as const,
        query,
        since: options.since?.version,
        batches: [],
      });
      history.recorded.push(recorded);
      return recordingWatch(backend.watch(query, options), recorded.batches);
    },
  };
}

function recordingWatch(watch: Watch, batches: WatchBatch[]): Watch {
  const recorded = (batch: WatchBatch | undefined): WatchBatch | undefined => {
    if (batch !== undefined) batches.push(batch);
    return batch;
  };
  const next = async (): Promise<WatchBatch | undefined> => recorded(await watch.next());
  return {
    next,
    take: () => recorded(watch.take()),
    close: () => watch.close(),
    [Symbol.asyncIterator]: () => watchIterator({ next, close: () => watch.close() }),
  };
}
