import type { DescMessage } from "@bufbuild/protobuf";
import { Code, type Client as RpcClient, ConnectError } from "@connectrpc/connect";
import {
  type ResourceService,
  WatchEvent_Delete_Reason,
  type WatchEvent,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  type Clock,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  MIN_VERSION_HEADER,
  type Random,
  type ResourceType,
  STORE_HEADER,
  type TypedResource,
} from "@trellis/resource";

import { type BackoffLimits, backoffMs, sleep } from "./backoff.ts";
import type { ListQuery, WatchItem, WatchOptions } from "./client.ts";
import { decodeAnswer, nameKey, typeOf } from "./convert.ts";
import type { Mark, SeenPosition } from "./mark.ts";

/** What a watch needs. */
export interface WatchDeps {
  readonly rpc: RpcClient<typeof ResourceService>;
  readonly mark: Mark;
  readonly clock: Clock;
  readonly random: Random;
}

/** Waits between two openings of a watch. */
const REOPEN_BACKOFF: BackoffLimits = { firstMs: 50, longestMs: 10_000 };

/** Errors that another try would meet again. */
const PERMANENT: readonly Code[] = [
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
  Code.FailedPrecondition,
];

/** After these a watch cannot resume: it lists again. */
const LOST: readonly string[] = ["HISTORY_GONE", "STORE_CHANGED", "AUTHORIZATION_CHANGED"];

/**
 * Watches until the signal ends it, or an error that would come again. A broken stream is resumed where it was; where that is impossible, the watch lists again and yields
 * only what differs from what it yielded before, deletes included.
 */
export async function* watchAll<Desc extends DescMessage>(
  deps: WatchDeps,
  type: ResourceType<Desc>,
  query: ListQuery,
  options: WatchOptions,
): AsyncGenerator<WatchItem<Desc>> {
  const state = new WatchState(type);
  for (let failures = 0; !isAborted(options.signal);) {
    let failure: unknown;
    try {
      for await (const item of openOnce(deps, state, query, options)) {
        failures = 0;
        yield* item;
      }
    } catch (error) {
      if (isAborted(options.signal)) return;
      failure = error;
      if (!state.recover(error)) throw error;
    }
    failures += 1;
    const delayMs = Math.max(
      errorRetryAfterMs(failure) ?? 0,
      backoffMs(failures, REOPEN_BACKOFF, deps.random),
    );
    if (!(await sleep(deps.clock, delayMs, options.signal))) return;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function* openOnce<Desc extends DescMessage>(
  { rpc, mark }: WatchDeps,
  state: WatchState<Desc>,
  query: ListQuery,
  options: WatchOptions,
): AsyncGenerator<readonly WatchItem<Desc>[]> {
  const { partition, namespace, namePrefix = "", selector = "" } = query;
  const everywhere = partition === undefined && namespace === undefined;
  const resume = state.startStream();
  let storeId = "";
  const events = rpc.watchList(
    {
      type: typeOf(state.type),
      ...(everywhere ? {} : { tenancy: { partition: partition ?? "", namespace: namespace ?? "" } }),
      namePrefix,
      name: options.name ?? "",
      selector,
      bookmarks: true,
      sinceVersion: resume?.version ?? "",
    },
    {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      headers:
        resume === undefined ? {} : { [STORE_HEADER]: resume.storeId, [MIN_VERSION_HEADER]: resume.version },
      onHeader: (headers) => (storeId = headers.get(STORE_HEADER) ?? ""),
    },
  );
  for await (const event of events) {
    const items = state.take(event, storeId);
    if (event.version !== "" && storeId !== "") mark.advance({ storeId, version: event.version });
    yield items;
  }
}

/** What a watch has yielded so far, and where it stands. */
class WatchState<Desc extends DescMessage> {
  readonly type: ResourceType<Desc>;
  readonly #known = new Map<string, TypedResource<Desc>>();
  #resume: SeenPosition | undefined;
  /** The names of the snapshot that is being read; undefined outside one. */
  #snapshot: Set<string> | undefined;
  #announced = false;

  constructor(type: ResourceType<Desc>) {
    this.type = type;
  }

  /** Begins a stream: where it resumes, or undefined for a snapshot. */
  startStream(): SeenPosition | undefined {
    this.#snapshot = this.#resume === undefined ? new Set() : undefined;
    return this.#resume;
  }

  /** What an event means to the consumer: nothing, when it knows already. */
  take({ event, version }: WatchEvent, storeId: string): readonly WatchItem<Desc>[] {
    const items = this.#itemsOf(event);
    if (version !== "" && storeId !== "") this.#resume = { storeId, version };
    return items;
  }

  /** Prepares to go on after an error; false when there is no use. */
  recover(error: unknown): boolean {
    const reason = errorReason(error) ?? "";
    if (LOST.includes(reason)) {
      this.#resume = undefined;
      return true;
    }
    const resumeVersion = errorMetadata(error)["resume_version"];
    if (reason === "SLOW_WATCHER" && this.#resume === undefined && resumeVersion !== undefined) return true;
    return !PERMANENT.includes(ConnectError.from(error).code);
  }

  #itemsOf(event: WatchEvent["event"]): readonly WatchItem<Desc>[] {
    switch (event.case) {
      case "upsert":
        return this.#upsert(decodeAnswer(this.type, event.value.resource));
      case "delete": {
        const id = event.value.resource?.id;
        const known = id === undefined ? undefined : this.#known.get(nameKey(id));
        if (id === undefined || known === undefined) return [];
        this.#known.delete(nameKey(id));
        // A watcher that lost access is told the id only: what it knew is the last that it may see.
        const last =
          event.value.reason === WatchEvent_Delete_Reason.ACCESS_LOST
            ? known
            : decodeAnswer(this.type, event.value.resource);
        return [{ kind: "delete", resource: last, reason: event.value.reason }];
      }
      case "endOfSnapshot":
        return this.#endSnapshot();
      default:
        return [];
    }
  }

  #upsert(resource: TypedResource<Desc>): readonly WatchItem<Desc>[] {
    const key = nameKey(resource.id);
    this.#snapshot?.add(key);
    const known = this.#known.get(key);
    if (known !== undefined && known.version === resource.version && known.id.uid === resource.id.uid)
      return [];
    this.#known.set(key, resource);
    return [{ kind: "upsert", resource }];
  }

  #endSnapshot(): readonly WatchItem<Desc>[] {
    const items: WatchItem<Desc>[] = [];
    const snapshot = this.#snapshot;
    if (snapshot !== undefined) {
      for (const [key, resource] of this.#known) {
        if (snapshot.has(key)) continue;
        this.#known.delete(key);
        items.push({ kind: "delete", resource, reason: WatchEvent_Delete_Reason.DELETED });
      }
    }
    this.#snapshot = undefined;
    if (!this.#announced) items.push({ kind: "endOfSnapshot" });
    this.#announced = true;
    return items;
  }
}
