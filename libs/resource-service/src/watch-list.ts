import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  type WatchEvent,
  WatchEvent_Delete_Reason,
  WatchEventSchema,
  type WatchListRequest,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  StorageError,
  type StoredEvent,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
} from "@trellis/storage";

import { authorizeList } from "./authorization.ts";
import type { Call } from "./call.ts";
import { readVersion } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { BOOKMARK_INTERVAL_MS, MAX_WATCHES } from "./limits.ts";
import { queryTenancy } from "./query.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { ServiceError } from "./service-error.ts";
import type { Shown } from "./shown.ts";
import { createSight, decodeShared, type Sight } from "./sight.ts";
import { deleteField, upsertField, withStored } from "./stored-form.ts";
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
  const query = { group, kind, ...units, namePrefix, ...(name === "" ? {} : { name }) };
  const interval = environment.config.bookmarkIntervalMs ?? BOOKMARK_INTERVAL_MS;
  const rights = new AbortController();
  const stopRights = environment.authorizer.onChange?.(call.identity, () => rights.abort());
  const signal = AbortSignal.any([call.signal, open.stopping, rights.signal]);
  const { storeId } = environment.backend.position();
  let watch: Watch | undefined;
  let reached = since;
  // A client that goes while nobody pulls leaves this generator standing at a yield for ever: what it holds is freed by its signal.
  const release = once(() => {
    stopRights?.();
    watch?.close();
    open.count -= 1;
  });
  call.signal.addEventListener("abort", release, { once: true });
  try {
    if (since === undefined) await reachMinimum(environment, call, query, signal);
    watch = environment.backend.watch(query, {
      signal,
      ...(since === undefined ? {} : { since: { version: since, storeId: call.storeId ?? storeId } }),
      ...(request.bookmarks ? { bookmarkIntervalMs: interval } : {}),
    });
    const sight = createSight(environment, call, registration, selector, decodeShared);
    for (let batch = await watch.next(); batch !== undefined; batch = await watch.next()) {
      if (batch.kind === "commit")
        for (const event of await eventsOfCommit(call.inBinary, sight, batch)) yield event();
      else yield* eventsOf(call.inBinary, sight, batch);
      if (batch.kind !== "snapshot") reached = batch.version;
    }
  } catch (error) {
    if (call.signal.aborted) throw error;
    if (rights.signal.aborted) throw authorizationChanged();
    if (open.stopping.aborted) {
      if (request.bookmarks && reached !== undefined) yield bookmark(reached);
      throw shuttingDown();
    }
    if (isClosed(error) && environment.backend.position().storeId === storeId) throw interrupted(error);
    throw error;
  } finally {
    call.signal.removeEventListener("abort", release);
    release();
  }
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

/** Waits until a snapshot can show what the caller asks to see at least. A resumed watch waits for its resume point by itself. */
async function reachMinimum(
  { backend }: Environment,
  { consistency, minimum }: Call,
  query: TypeQuery,
  signal: AbortSignal,
): Promise<void> {
  if (consistency === "eventual" && minimum === undefined) return;
  await backend.list(query, { consistency, minimum, signal, limit: 1 });
}

function isClosed(error: unknown): boolean {
  return StorageError.is(error) && error.code === "watch-closed";
}

async function* eventsOf(
  inBinary: boolean,
  sight: Sight,
  batch: Exclude<WatchBatch, { kind: "commit" }>,
): AsyncGenerator<WatchEvent> {
  switch (batch.kind) {
    case "snapshot":
      for (const record of batch.records) {
        const seen = await sight.see(record);
        if (seen.kind === "seen") yield upsert(inBinary, seen.shown, "");
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
  }
}

/** What a commit is to this watcher. The version stands on the last event only: a commit that is cut in two is sent again whole. */
async function eventsOfCommit(
  inBinary: boolean,
  sight: Sight,
  { events, version }: Extract<WatchBatch, { kind: "commit" }>,
): Promise<readonly (() => WatchEvent)[]> {
  const made: ((version: string) => WatchEvent)[] = [];
  for (const event of events) {
    const one = await eventOf(inBinary, sight, event);
    if (one !== undefined) made.push(one);
  }
  return made.map((make, at) => () => make(at === made.length - 1 ? String(version) : ""));
}

/** What an event is to this watcher; undefined when it concerns nothing that it could see, before or after. */
async function eventOf(
  inBinary: boolean,
  sight: Sight,
  event: StoredEvent,
): Promise<((version: string) => WatchEvent) | undefined> {
  const now = await sight.see(event.record);
  if (event.kind === "delete") {
    return now.kind === "seen"
      ? (version) => remove(inBinary, now.shown, WatchEvent_Delete_Reason.DELETED, version)
      : undefined;
  }
  if (now.kind === "seen") return (version) => upsert(inBinary, now.shown, version);
  const before = event.previous === undefined ? undefined : await sight.see(event.previous);
  if (before?.kind !== "seen") return undefined;
  const last = before.shown;
  if (now.kind === "accessLost") {
    const { id } = last.resource();
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
  return (version) => remove(inBinary, last, reason, version);
}

function upsert(inBinary: boolean, { stored, resource }: Shown, version: string): WatchEvent {
  return inBinary && stored !== undefined
    ? withStored(create(WatchEventSchema, { version }), [upsertField(stored)])
    : create(WatchEventSchema, { version, event: { case: "upsert", value: { resource: resource() } } });
}

function remove(
  inBinary: boolean,
  { stored, resource }: Shown,
  reason: WatchEvent_Delete_Reason,
  version: string,
): WatchEvent {
  if (inBinary && stored !== undefined)
    return withStored(create(WatchEventSchema, { version }), [deleteField(stored, reason)]);
  const value = { resource: resource(), reason };
  return create(WatchEventSchema, { version, event: { case: "delete", value } });
}

function bookmark(version: Version): WatchEvent {
  return create(WatchEventSchema, { event: { case: "bookmark", value: {} }, version: String(version) });
}

function tooManyWatches(limit: number): ServiceError {
  return new ServiceError({
    code: Code.ResourceExhausted,
    reason: "LIMIT_REACHED",
    message: `${limit} watches are open, the most of this server; close some, or try again later`,
  });
}

function authorizationChanged(): ServiceError {
  return new ServiceError({
    code: Code.Aborted,
    reason: "AUTHORIZATION_CHANGED",
    message: "what the watcher may see has changed; watch again from the beginning",
  });
}

/** The store went on without this watch, as after the installation of a snapshot: it is the same one, so its versions still count. */
function interrupted(cause: unknown): ServiceError {
  return new ServiceError({
    code: Code.Unavailable,
    reason: "UNAVAILABLE",
    message: "the storage ended the watch and is the same as before; resume it from the last version",
    cause,
  });
}

function shuttingDown(): ServiceError {
  return new ServiceError({
    code: Code.Unavailable,
    reason: "SHUTTING_DOWN",
    message: "the server is shutting down; resume the watch through another, or when it is back",
  });
}
