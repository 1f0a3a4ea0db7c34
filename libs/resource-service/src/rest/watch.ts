import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  ResourceService,
  WatchEventSchema,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { problemDetails } from "@trellis/resource";

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
    texts: [...TENANCY_PARAMETERS, "name_prefix", "name", "selector", "since"],
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
  return {
    status: 200,
    headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" },
    body: lines(call, first, events),
  };
}

async function* lines(
  call: RestCall,
  first: IteratorResult<Event>,
  events: AsyncIterator<Event>,
): AsyncGenerator<string> {
  try {
    for (let next = first; next.done !== true; next = await events.next()) {
      yield `${JSON.stringify(eventJson(create(WatchEventSchema, next.value), call.registry.schemas))}\n`;
    }
  } catch (error) {
    if (call.request.signal.aborted || !(error instanceof ConnectError)) throw error;
    yield `${JSON.stringify({ error: problemDetails(error).body })}\n`;
  } finally {
    await events.return?.();
  }
}
