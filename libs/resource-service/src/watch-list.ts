import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WatchEvent,
  WatchEvent_Delete_Reason,
  WatchEventSchema,
  type WatchListRequest,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { StoredEvent, Version, WatchBatch } from "@trellis/storage";

import { authorizeList } from "./authorization.ts";
import type { Call } from "./call.ts";
import { readVersion } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { BOOKMARK_INTERVAL_MS, MAX_WATCHES, RETRY_AFTER_MS } from "./limits.ts";
import { queryTenancy } from "./query.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { ServiceError } from "./service-error.ts";
import { createSight, type Sight } from "./sight.ts";
import { registrationOf } from "./target.ts";

/** The watches that a service has open, and the signal that ends them all. */
export interface OpenWatches {
  readonly stopping: AbortSignal;
  count: number;
}

/** Streams the resources of a type, then what happens to them, as one caller may see it. Ends with an error that says why. */
export async function* watchList(
  environment: Environment,
  open: OpenWatches,
  request: WatchListRequest,
  call: Call,
): AsyncGenerator<WatchEvent> {
  checkRequest(environment, WatchListRequestSchema, request);
  const registration = registrationOf(environment, request.type, "type");
  const units = queryTenancy(registration, request.tenancy, request.namePrefix, call);
  const selector = readSelector(request.selector);
  const since = request.sinceVersion === "" ? undefined : readVersion(request.sinceVersion, "since_version");
  await authorizeList(environment, call, registration, request.tenancy);
  const limit = environment.config.maxWatches ?? MAX_WATCHES;
  if (open.count >= limit) throw tooManyWatches(limit);
  open.count += 1;
  const { group, kind } = registration.type;
  const { namePrefix, name } = request;
  const ended = AbortSignal.any([call.signal, open.stopping]);
  const interval = environment.config.bookmarkIntervalMs ?? BOOKMARK_INTERVAL_MS;
  const { storeId } = environment.backend.position();
  const watch = environment.backend.watch(
    { group, kind, ...units, namePrefix, ...(name === "" ? {} : { name }) },
    {
      signal: ended,
      ...(since === undefined
        ? {}
        : { since: { version: since, storeId: call.minimum?.storeId ?? storeId } }),
      ...(request.bookmarks ? { bookmarkIntervalMs: interval } : {}),
    },
  );
  const sight = createSight(environment, call, registration, selector);
  let reached: Version | undefined;
  try {
    for (let batch = await watch.next(); batch !== undefined; batch = await watch.next()) {
      yield* eventsOf(sight, batch);
      if (batch.kind !== "snapshot") reached = batch.version;
    }
  } catch (error) {
    if (!open.stopping.aborted || call.signal.aborted) throw error;
    if (request.bookmarks && reached !== undefined) yield bookmark(reached);
    throw shuttingDown();
  } finally {
    watch.close();
    open.count -= 1;
  }
}

async function* eventsOf(sight: Sight, batch: WatchBatch): AsyncGenerator<WatchEvent> {
  switch (batch.kind) {
    case "snapshot":
      for (const record of batch.records) {
        const seen = await sight.see(record);
        if (seen.kind === "seen") yield upsert(seen.resource, "");
      }
      return;
    case "endOfSnapshot":
      yield create(WatchEventSchema, {
        event: { case: "endOfSnapshot", value: {} },
        version: String(batch.version),
      });
      return;
    case "bookmark":
      yield bookmark(batch.version);
      return;
    case "commit": {
      // The version stands on the commit's last event only: a commit that is cut in two is sent again whole.
      let waiting: ((version: string) => WatchEvent) | undefined;
      for (const event of batch.events) {
        const made = await eventOf(sight, event);
        if (made === undefined) continue;
        if (waiting !== undefined) yield waiting("");
        waiting = made;
      }
      if (waiting !== undefined) yield waiting(String(batch.version));
    }
  }
}

/** What an event is to this watcher; undefined when it concerns nothing that it could see, before or after. */
async function eventOf(
  sight: Sight,
  event: StoredEvent,
): Promise<((version: string) => WatchEvent) | undefined> {
  const now = await sight.see(event.record);
  if (event.kind === "delete") {
    return now.kind === "seen"
      ? (version) => remove(now.resource, WatchEvent_Delete_Reason.DELETED, version)
      : undefined;
  }
  if (now.kind === "seen") return (version) => upsert(now.resource, version);
  const before = event.previous === undefined ? undefined : await sight.see(event.previous);
  if (before?.kind !== "seen") return undefined;
  const last = before.resource;
  if (now.kind === "accessLost") {
    const { id } = last;
    return (version) =>
      create(WatchEventSchema, {
        event: {
          case: "delete",
          value: { resource: id === undefined ? {} : { id }, reason: WatchEvent_Delete_Reason.ACCESS_LOST },
        },
        version,
      });
  }
  const reason =
    now.kind === "otherVersion"
      ? WatchEvent_Delete_Reason.LEFT_GROUP_VERSION
      : WatchEvent_Delete_Reason.LEFT_SELECTOR;
  return (version) => remove(last, reason, version);
}

function upsert(resource: Resource, version: string): WatchEvent {
  return create(WatchEventSchema, { event: { case: "upsert", value: { resource } }, version });
}

function remove(resource: Resource, reason: WatchEvent_Delete_Reason, version: string): WatchEvent {
  return create(WatchEventSchema, { event: { case: "delete", value: { resource, reason } }, version });
}

function bookmark(version: Version): WatchEvent {
  return create(WatchEventSchema, { event: { case: "bookmark", value: {} }, version: String(version) });
}

function tooManyWatches(limit: number): ServiceError {
  return new ServiceError({
    code: Code.ResourceExhausted,
    reason: "LIMIT_REACHED",
    message: `${limit} watches are open, the most of this server; close some, or try again later`,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function shuttingDown(): ServiceError {
  return new ServiceError({
    code: Code.Unavailable,
    reason: "SHUTTING_DOWN",
    message: "the server is shutting down; resume the watch through another, or when it is back",
    retryAfterMs: RETRY_AFTER_MS,
  });
}
