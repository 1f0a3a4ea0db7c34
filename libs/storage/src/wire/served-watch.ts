import { create } from "@bufbuild/protobuf";
import {
  type WatchBatch as BatchMessage,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { StorageError } from "../errors.ts";
import type { Watch, WatchBatch } from "../watch.ts";
import { fromMinimumMessage, fromTypeQueryMessage, toErrorMessage } from "./call-codec.ts";
import { known } from "./known.ts";
import { BATCH_BYTES, checkHello } from "./protocol.ts";
import type { StorageRoutesDeps } from "./storage-routes.ts";
import { toBatchMessage } from "./watch-codec.ts";
import { watchBatchWeight } from "./weights.ts";

/** Serves one watch: what happened within one turn goes in one message. It ends with why, or with the client. */
export async function* serveWatch(
  { endpoint, status, nextTurn }: StorageRoutesDeps,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse> {
  checkHello(request.hello, status.status());
  let watch: Watch | undefined;
  try {
    const served = endpoint();
    if (served === undefined)
      throw new StorageError("unavailable", "this server has no store to serve yet; ask another");
    const { query, since, bookmarkIntervalMs } = known(request, "a watch");
    const { storeId } = served.position();
    const from = fromMinimumMessage(since);
    watch = served.watch(fromTypeQueryMessage(query), {
      signal,
      ...(from !== undefined && { since: from }),
      ...(bookmarkIntervalMs > 0 && { bookmarkIntervalMs }),
    });
    // Tells that it was opened, whenever something happens.
    yield create(WatchResponseSchema, { storeId });
    for await (const batches of turnsOf(watch, nextTurn)) yield create(WatchResponseSchema, { batches });
    if (!signal.aborted)
      throw new StorageError("watch-closed", "the server ended the watch; open it again, at another replica");
  } catch (error) {
    if (!signal.aborted) yield create(WatchResponseSchema, { error: toErrorMessage(error) });
  } finally {
    watch?.close();
  }
}

/** The batches of a watch, those of one turn together, up to the bytes of a message. */
async function* turnsOf(
  watch: Watch,
  nextTurn: StorageRoutesDeps["nextTurn"],
): AsyncGenerator<BatchMessage[]> {
  let coming: Promise<WatchBatch | undefined> = watch.next();
  for (;;) {
    const first = await coming;
    if (first === undefined) return;
    const batches = [toBatchMessage(first)];
    let bytes = batches.reduce((sum, batch) => sum + watchBatchWeight(batch), 0);
    let isTurnOver = false;
    const turn = new Promise<undefined>((resolve) =>
      nextTurn(() => {
        isTurnOver = true;
        resolve(undefined);
      }),
    );
    coming = watch.next();
    // A failure is met when its turn has come.
    coming.catch(() => undefined);
    while (bytes < BATCH_BYTES) {
      const more = await Promise.race([coming.catch(() => undefined), turn]);
      if (more === undefined || isTurnOver) break;
      const message = toBatchMessage(more);
      batches.push(message);
      bytes += watchBatchWeight(message);
      coming = watch.next();
      coming.catch(() => undefined);
    }
    await turn;
    yield batches;
  }
}
