import { type Backend, StorageError, type TypeQuery, type WatchBatch } from "@trellis/storage";

import type { History, RecordedWatch } from "../../history/history.ts";
import type { Safety } from "../checks/safety.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";

/** What a watch from within works with. */
export interface LocalWatching {
  /** Whose it is: what one name sees never goes back. */
  readonly client: string;
  readonly history: History;
  readonly safety: Safety;
  /** Whether the store that the history is of is there no more. */
  readonly isOver: () => boolean;
}

/** Between two watches. */
const PAUSE_MS = 20;

/**
 * Watches a backend from within its process, from its start to its end, and reads at once whatever it is told of: an eventual read never shows anything
 * older than an event that was delivered. Begins again where the watch ends.
 */
export async function watchLocally(
  { backend }: { readonly backend: Backend },
  process: SimulatedProcess,
  query: TypeQuery,
  { client, history, safety, isOver }: LocalWatching,
): Promise<void> {
  while (!isOver()) {
    const recorded: RecordedWatch = {
      kind: "watch",
      client,
      startedAt: history.moment(),
      query,
      since: undefined,
      batches: [],
    };
    history.recorded.push(recorded);
    try {
      for await (const batch of backend.watch(query)) {
        if (isOver()) return;
        recorded.batches.push(batch);
        await readBack(backend, batch, (what) => safety.report(`${client}: ${what}`));
      }
      return;
    } catch (error) {
      if (!StorageError.is(error)) throw error;
      // It has nothing to show yet, or a snapshot took the place of what it showed.
      await new Promise<void>((resolve) => process.after(PAUSE_MS, resolve));
    }
  }
}

async function readBack(backend: Backend, batch: WatchBatch, report: (what: string) => void): Promise<void> {
  if (batch.kind !== "commit") return;
  for (const { record } of batch.events) {
    for (const read of [backend.readNow?.(record.key), await backend.read(record.key)]) {
      if (read === undefined) continue;
      const { position, record: found } = read;
      if (position.version < batch.version || (found !== undefined && found.version < record.version)) {
        report(
          `a read after version ${batch.version} of ${record.key.name} shows version ${position.version}, with the record of ${found?.version}`,
        );
      }
    }
  }
}
