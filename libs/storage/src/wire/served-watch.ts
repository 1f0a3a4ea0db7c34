import { create } from "@bufbuild/protobuf";
import {
  type WatchBatch as BatchMessage,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { StorageError } from "../errors.ts";
import type { StoredRecord } from "../record.ts";
import type { Watch } from "../watch.ts";
import { fromMinimumMessage, fromTypeQueryMessage, toErrorMessage } from "./call-codec.ts";
import { known } from "./known.ts";
import { BATCH_BYTES, checkHello, MAX_MESSAGE_BYTES } from "./protocol.ts";
import { toStoredRecordMessage } from "./record-codec.ts";
import type { StorageRoutesDeps } from "./storage-routes.ts";
import { toBatchMessage } from "./watch-codec.ts";
import { recordWeight, watchBatchWeight } from "./weights.ts";

/** Bytes of the records of a snapshot in one message: what frames them takes the rest. */
const SNAPSHOT_BYTES = BATCH_BYTES - 1024;

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
    if (!signal.aborted)
      yield create(WatchResponseSchema, { error: toErrorMessage(error, { isMutation: false }) });
  } finally {
    watch?.close();
  }
}

/** The batches of a watch, those of one turn together, up to the bytes of a message. */
async function* turnsOf(
  watch: Watch,
  nextTurn: StorageRoutesDeps["nextTurn"],
): AsyncGenerator<BatchMessage[]> {
  const messages = messagesOf(watch);
  const ahead = (): Promise<BatchMessage | undefined> => {
    const next = messages.next().then(({ value }) => value as BatchMessage | undefined);
    // A failure is met when its turn has come.
    next.catch(() => undefined);
    return next;
  };
  let coming = ahead();
  for (;;) {
    const first = await coming;
    if (first === undefined) return;
    const batches = [first];
    let bytes = watchBatchWeight(first);
    let isTurnOver = false;
    const turn = new Promise<undefined>((resolve) =>
      nextTurn(() => {
        isTurnOver = true;
        resolve(undefined);
      }),
    );
    coming = ahead();
    for (;;) {
      const more = await Promise.race([coming.catch(() => undefined), turn]);
      if (more === undefined || isTurnOver) break;
      bytes += watchBatchWeight(more);
      if (bytes > BATCH_BYTES) break;
      batches.push(more);
      coming = ahead();
    }
    await turn;
    yield batches;
  }
}

/** The batches of a watch as messages carry them; slices of a snapshot go in pieces that fit. */
async function* messagesOf(watch: Watch): AsyncGenerator<BatchMessage> {
  for await (const batch of watch) {
    if (batch.kind === "snapshot") {
      for (const records of fitting(batch.records)) yield toBatchMessage({ kind: "snapshot", records });
      continue;
    }
    const message = toBatchMessage(batch);
    const bytes = watchBatchWeight(message);
    if (bytes > MAX_MESSAGE_BYTES) {
      throw new StorageError(
        "history-gone",
        `a message has at most ${MAX_MESSAGE_BYTES} bytes, and commit ${batch.version} changed ${bytes}; begin again with a snapshot`,
      );
    }
    yield message;
  }
}

/** Records in pieces of at most the bytes of a message; a larger one is a piece of its own. */
function* fitting(records: readonly StoredRecord[]): Generator<readonly StoredRecord[]> {
  let begin = 0;
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    const more = recordWeight(toStoredRecordMessage(record));
    if (index > begin && bytes + more > SNAPSHOT_BYTES) {
      yield records.slice(begin, index);
      begin = index;
      bytes = 0;
    }
    bytes += more;
  }
  yield records.slice(begin);
}
