import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  ResourceService,
  WatchEventSchema,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError, problemDetails } from "@trellis/resource";

import type { RestResponse } from "./http.ts";
import { type RestCall, TENANCY_PARAMETERS, tenancyOf } from "./invoke.ts";
import { readQuery } from "./query.ts";
import { eventJson } from "./resource-json.ts";
import type { Target } from "./target.ts";

type Event = MessageInitShape<typeof WatchEventSchema>;

/**
 * `GET …/{kind}?watch`: one JSON object per line (NDJSON): `upsert`, `delete`, `endOfSnapshot`, `bookmark`, and `version` where a later
 * `?since` may resume. A failure before the first line is an ordinary error answer; one after it is a last line `{"error": problem}`.
 */
export async function watchCollection(
  call: RestCall<Extract<Target, { kind: "collection" }>>,
): Promise<RestResponse> {
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "name_prefix", "name", "selector"],
    versions: ["since"],
    flags: ["watch", "bookmarks"],
  });
  const { group, groupVersion, kind } = call.target.type;
  const named = ["partition", "namespace", "ns"].some((unit) => query.text(unit) !== undefined);
  const request = create(WatchListRequestSchema, {
    type: { group, groupVersion, kind },
    ...(named ? { tenancy: tenancyOf(query) } : {}),
    namePrefix: query.text("name_prefix") ?? "",
    name: query.text("name") ?? "",
    selector: query.text("selector") ?? "",
    sinceVersion: query.text("since") ?? "",
    bookmarks: query.flag("bookmarks"),
  });
  const context = call.context(ResourceService.method.watchList);
  const events = call.service.watchList(request, context)[Symbol.asyncIterator]();
  // The first event comes at once (a snapshot ends, if nothing else), so a refused watch is answered with its proper status.
  const first = await events.next();
  if (first.done === true && context.signal.aborted) throw deadlinePassed();
  return {
    status: 200,
    headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" },
    body: closable(lines(call, context.signal, first, events), events),
  };
}

function deadlinePassed(): ConnectError {
  const message = "the deadline of the watch passed; watch again, since the last version that a line had";
  return apiError({ reason: "DEADLINE_EXCEEDED", message });
}

/** A generator's `finally` runs only once it was asked for something: the events of an answer that nobody reads would stay open. */
function closable(text: AsyncGenerator<string>, events: AsyncIterator<Event>): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => text.next(),
      async return() {
        const ended = await text.return(undefined);
        await events.return?.();
        return ended;
      },
    }),
  };
}

async function* lines(
  call: RestCall,
  deadline: AbortSignal,
  first: IteratorResult<Event>,
  events: AsyncIterator<Event>,
): AsyncGenerator<string> {
  try {
    for (let next = first; next.done !== true; next = await events.next()) {
      yield `${JSON.stringify(eventJson(create(WatchEventSchema, next.value), call.registry.schemas))}\n`;
    }
    // The events end quietly then, and the reader would take it for the end of what there is.
    if (deadline.aborted && !call.request.signal.aborted) throw deadlinePassed();
  } catch (error) {
    if (call.request.signal.aborted || !(error instanceof ConnectError)) throw error;
    yield `${JSON.stringify({ error: problemDetails(error).body })}\n`;
  } finally {
    await events.return?.();
  }
}
