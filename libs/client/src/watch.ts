import type { DescMessage } from "@bufbuild/protobuf";
import { Code, type Client as RpcClient, ConnectError } from "@connectrpc/connect";
import type { ResourceService, WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  type Clock,
  errorReason,
  errorRetryAfterMs,
  isConnectError,
  MIN_VERSION_HEADER,
  type Random,
  type ResourceType,
  STORE_HEADER,
} from "@trellis/resource";

import { type BackoffLimits, backoffMs, sleep } from "./backoff.ts";
import type { ListQuery, StorePosition, WatchItem, WatchOptions } from "./client.ts";
import { typeOf } from "./convert.ts";
import type { Mark } from "./mark.ts";
import { firstSignal, isAborted } from "./signals.ts";
import { isNewerVersion } from "./versions.ts";
import { WatchState } from "./watch-state.ts";

/** What a watch needs. */
export interface WatchDeps {
  readonly rpc: RpcClient<typeof ResourceService>;
  readonly mark: Mark;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends all watches of the client. */
  readonly closed: AbortSignal | undefined;
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
const LOST: readonly (string | undefined)[] = ["HISTORY_GONE", "STORE_CHANGED", "AUTHORIZATION_CHANGED"];

/**
 * Watches until the signal or the consumer ends it, or an error that would come again. A broken stream is resumed where it was; where that is impossible, the
 * watch lists again and yields only what differs from what it yielded before, deletes included.
 */
export function watchAll<Desc extends DescMessage>(
  deps: WatchDeps,
  type: ResourceType<Desc>,
  query: ListQuery,
  options: WatchOptions,
): AsyncIterable<WatchItem<Desc>> {
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const signal = firstSignal(left.signal, options.signal, deps.closed);
      const items = watchOnce(deps, type, query, { ...options, signal });
      return {
        next: () => items.next(),
        async return() {
          // A generator ends only between two items: the signal ends the wait for the next one.
          left.abort();
          await items.return(undefined);
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* watchOnce<Desc extends DescMessage>(
  deps: WatchDeps,
  type: ResourceType<Desc>,
  query: ListQuery,
  options: WatchOptions,
): AsyncGenerator<WatchItem<Desc>> {
  const { signal, onPosition, onInterrupt, onRefresher } = options;
  const state = new WatchState(type, options.transform);
  let refreshed = new AbortController();
  onRefresher?.(() => refreshed.abort());
  for (let failures = 0; !isAborted(signal);) {
    refreshed = new AbortController();
    const own = firstSignal(refreshed.signal, signal);
    let failure: unknown;
    try {
      for await (const { items, event, storeId } of openStream(deps, state, query, {
        ...options,
        signal: own,
      })) {
        failures = 0;
        for (const item of items) {
          yield item;
          if (isAborted(signal)) return;
        }
        const position = state.reached(event, storeId);
        if (position !== undefined) report(position, deps.mark, onPosition);
      }
      failure = new ConnectError("the server ended the watch", Code.Unavailable);
    } catch (error) {
      failure = error;
    }
    if (isAborted(signal)) return;
    // It is resumed on purpose, and at once.
    if (refreshed.signal.aborted) continue;
    if (!mayReopen(failure)) throw failure;
    if (LOST.includes(errorReason(failure))) state.forgetPosition();
    failures += 1;
    onInterrupt?.(failure);
    const backoff = backoffMs(failures, REOPEN_BACKOFF, deps.random);
    const delayMs = Math.max(errorRetryAfterMs(failure) ?? 0, backoff);
    if (!(await sleep(deps.clock, delayMs, signal))) return;
  }
}

function report(position: StorePosition, mark: Mark, onPosition: WatchOptions["onPosition"]): void {
  mark.advance(position);
  onPosition?.(position);
}

/** Whether another stream may go better. What is no error of a call (data that cannot be read, say) would come again. */
function mayReopen(error: unknown): boolean {
  return isConnectError(error) && !PERMANENT.includes(error.code);
}

/** What one event of a stream brings. */
interface StreamStep<Desc extends DescMessage> {
  readonly items: readonly WatchItem<Desc>[];
  readonly event: WatchEvent;
  readonly storeId: string;
}

/** Where a stream resumes must not be behind what the client has seen; of another store it has seen nothing that counts. */
function headersToResume({ storeId, version }: StorePosition, { seen }: Mark): Record<string, string> {
  const isBehind = seen?.storeId === storeId && isNewerVersion(seen.version, version);
  return { [STORE_HEADER]: storeId, [MIN_VERSION_HEADER]: isBehind ? seen.version : version };
}

/** Opens one stream and reads it to its end. Closes it when its reader leaves early: the rpc client would not. */
async function* openStream<Desc extends DescMessage>(
  { rpc, mark }: WatchDeps,
  state: WatchState<Desc>,
  { partition, namespace, namePrefix = "", selector = "" }: ListQuery,
  { signal, name = "" }: WatchOptions,
): AsyncGenerator<StreamStep<Desc>> {
  const everywhere = partition === undefined && namespace === undefined;
  const resume = state.startStream();
  const left = new AbortController();
  let storeId = "";
  const events = rpc.watchList(
    {
      type: typeOf(state.type),
      ...(everywhere ? {} : { tenancy: { partition: partition ?? "", namespace: namespace ?? "" } }),
      namePrefix,
      name,
      selector,
      bookmarks: true,
      sinceVersion: resume?.version ?? "",
    },
    {
      signal: firstSignal(left.signal, signal) ?? left.signal,
      headers: resume === undefined ? {} : headersToResume(resume, mark),
      onHeader: (headers) => (storeId = headers.get(STORE_HEADER) ?? ""),
    },
  );
  try {
    for await (const event of events) yield { items: state.take(event, storeId), event, storeId };
  } finally {
    left.abort();
  }
}
