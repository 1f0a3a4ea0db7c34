import type { ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "@trellis/resource";

import type { Backend } from "../backend.ts";
import type { SessionedCommits } from "../sessions.ts";
import type { EncodedStorageService } from "./encoded-service.ts";
import type { NextTurn } from "./outbox.ts";
import { ServedExchange } from "./served-exchange.ts";
import { serveWatch } from "./served-watch.ts";
import type { StatusSource } from "./server-status.ts";

/** What the storage service carries: the contract of storage, and commits in sessions. */
export type StorageEndpoint = Backend & SessionedCommits;

/** What the routes work with. */
export interface StorageRoutesDeps {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  /** Undefined while there is no store to serve: calls are then answered `unavailable`. */
  readonly endpoint: () => StorageEndpoint | undefined;
  readonly status: StatusSource;
}

/** The bounds of what one client may have under way. */
export interface StorageRoutesConfig {
  /** Calls of one stream without an answer; more are refused as `resource-exhausted`. */
  readonly callsPerStream?: number | undefined;
  /** Bytes of answers that wait to go out on one stream; meanwhile nothing more is read from it. */
  readonly answerBytes?: number | undefined;
}

const CALLS_PER_STREAM = 4096;
const ANSWER_BYTES = 16 * 1024 * 1024;

/** Serves the storage service, to be registered as {@link EncodedStorageService}. */
export function storageRoutes(
  deps: StorageRoutesDeps,
  { callsPerStream = CALLS_PER_STREAM, answerBytes = ANSWER_BYTES }: StorageRoutesConfig = {},
): ServiceImpl<typeof EncodedStorageService> {
  return {
    exchange(requests, { signal }) {
      return new ServedExchange(deps, { callsPerStream, answerBytes }).run(requests, signal);
    },
    async *watch(request, { signal }) {
      yield* serveWatch(deps, request, signal);
    },
  };
}
