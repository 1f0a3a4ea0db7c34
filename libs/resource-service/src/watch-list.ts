import { Code } from "@connectrpc/connect";
import {
  type WatchEvent,
  type WatchListRequest,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { StorageError, type TypeQuery, type Version, type Watch, type WatchOptions } from "@trellis/storage";

import { authorizeList } from "./authorization.ts";
import type { Call } from "./call.ts";
import { readVersion } from "./checks.ts";
import type { CommonTellings } from "./common-tellings.ts";
import type { Environment } from "./environment.ts";
import { Gathered } from "./gathered.ts";
import type { Outlet } from "./handler.ts";
import { BOOKMARK_INTERVAL_MS, MAX_WATCHES } from "./limits.ts";
import { queryTenancy } from "./query.ts";
import type { RecentlyShown } from "./recently-shown.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { ServiceError } from "./service-error.ts";
import { createSight, type Viewer } from "./sight.ts";
import { registrationOf } from "./target.ts";
import { bookmark, type EventToSend, type Teller } from "./watch-events.ts";
import { WatchFlow } from "./watch-flow.ts";

/** The watches that a service has open, what they share, and the signal that ends them all. */
export interface OpenWatches {
  readonly stopping: AbortSignal;
  readonly recent: RecentlyShown;
  readonly tellings: CommonTellings<EventToSend, WatchEvent>;
  count: number;
}

/** Where a watch is opened, and where its events go. */
export interface WatchPlace {
  readonly environment: Environment;
  readonly open: OpenWatches;
  readonly outlet: Outlet<WatchEvent>;
}

/** Streams the resources of a type, then what happens to them, as one caller may see it; in batches of what is at hand. Ends with an error that says why. */
export async function* watchList(
  { environment, open, outlet }: WatchPlace,
  request: WatchListRequest,
  call: Call,
): AsyncGenerator<readonly WatchEvent[]> {
  const { viewer, query, since } = await admitWatch(environment, request, call);
  const limit = environment.config.maxWatches ?? MAX_WATCHES;
  if (open.count >= limit) throw tooManyWatches(limit);
  open.count += 1;
  const rights = new AbortController();
  const stopRights = environment.authorizer.onChange?.(call.identity, () => rights.abort());
  const signal = AbortSignal.any([call.signal, open.stopping, rights.signal]);
  const { storeId } = environment.backend.position();
  let watch: Watch | undefined;
  const gathered = new Gathered(since);
  // A client that goes while nobody pulls leaves this generator standing at a yield for ever: what it holds is freed by its signal.
  const release = once(() => {
    stopRights?.();
    watch?.close();
    open.count -= 1;
  });
  call.signal.addEventListener("abort", release, { once: true });
  try {
    if (since === undefined) await reachMinimum(environment, call, query, signal);
    const resume = since === undefined ? {} : { since: { version: since, storeId: call.storeId ?? storeId } };
    watch = environment.backend.watch(query, { signal, ...resume, ...bookmarksOf(environment, request) });
    const teller = tellerOf(viewer, open);
    const flow = new WatchFlow({ watch, outlet, teller, gathered, rights: rights.signal });
    for (let told = await flow.next(); told !== undefined;) {
      // Answers who waits, so that it may wait for its client.
      if (told.hasEnough) yield [];
      if (told.hasEnough) signal.throwIfAborted();
      const looks = told.looks instanceof Promise ? await told.looks : told.looks;
      const { version = gathered.reached } = told;
      for (const [at, look] of looks.entries()) {
        const looked = typeof look === "function" ? look() : look;
        const event = looked instanceof Promise ? await looked : looked;
        if (event !== undefined) gathered.add(event);
        if (at === looks.length - 1) gathered.reached = version;
        if (!gathered.isFull) continue;
        yield flow.takeGathered();
        signal.throwIfAborted();
      }
      gathered.reached = version;
      const atHand = flow.take();
      if (atHand === undefined && !gathered.isEmpty) yield flow.takeGathered();
      told = atHand ?? (await flow.next());
    }
  } catch (error) {
    if (call.signal.aborted) throw error;
    if (rights.signal.aborted) throw authorizationChanged();
    if (!gathered.isEmpty) yield gathered.take();
    if (open.stopping.aborted) {
      if (request.bookmarks && gathered.sent !== undefined) yield [bookmark(gathered.sent)];
      throw shuttingDown();
    }
    if (isClosed(error) && environment.backend.position().storeId === storeId) throw interrupted(error);
    throw error;
  } finally {
    call.signal.removeEventListener("abort", release);
    release();
  }
}

function bookmarksOf({ config }: Environment, { bookmarks }: WatchListRequest): WatchOptions {
  return bookmarks ? { bookmarkIntervalMs: config.bookmarkIntervalMs ?? BOOKMARK_INTERVAL_MS } : {};
}

/** A watch that may be opened. */
interface Admitted {
  readonly viewer: Viewer;
  readonly query: TypeQuery;
  readonly since: Version | undefined;
}

/** Throws what is wrong with a request, and what stands against it. */
async function admitWatch(
  environment: Environment,
  request: WatchListRequest,
  call: Call,
): Promise<Admitted> {
  checkRequest(environment, WatchListRequestSchema, request);
  const registration = registrationOf(environment, request.type, "type");
  const units = queryTenancy(registration, request.tenancy, request.namePrefix, call);
  const selector = readSelector(request.selector);
  const since = request.sinceVersion === "" ? undefined : readVersion(request.sinceVersion, "since_version");
  await authorizeList(environment, call, registration, request.tenancy);
  const { group, kind } = registration.type;
  const { namePrefix, name } = request;
  return {
    viewer: { environment, call, registration, selector },
    query: { group, kind, ...units, namePrefix, ...(name === "" ? {} : { name }) },
    since,
  };
}

function tellerOf(viewer: Viewer, { recent, tellings }: OpenWatches): Teller {
  return {
    inBinary: viewer.call.inBinary,
    snapshot: createSight(viewer),
    changes: createSight(viewer, recent.show),
    common: tellings.of(viewer),
  };
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
