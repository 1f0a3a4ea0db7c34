import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  Health,
  type HealthCheckRequest,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@trellis/protos/grpc/health/v1/health_pb";
import { apiError, type Clock } from "@trellis/resource";

import type { HttpResponse, HttpRoute } from "./part.ts";
import { problemResponse } from "./problem.ts";
import type { Readiness } from "./readiness.ts";

/** How often a health watch looks whether something changed. */
const WATCH_INTERVAL_MS = 500;

/** Registers `grpc.health.v1.Health`: the server as a whole under the empty name, and each RPC service under its own. */
export function registerHealth(router: ConnectRouter, readiness: Readiness, clock: Clock): void {
  const statusOf = (service: string): ServingStatus => {
    if (service === "")
      return readiness.waiting().length === 0 ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    if (!readiness.services().includes(service)) return ServingStatus.SERVICE_UNKNOWN;
    return readiness.waitingService(service) === undefined
      ? ServingStatus.SERVING
      : ServingStatus.NOT_SERVING;
  };

  async function* watch({ service }: HealthCheckRequest, { signal }: HandlerContext) {
    let last: ServingStatus | undefined;
    for (;;) {
      const status = statusOf(service);
      if (status !== last) yield { status };
      last = status;
      // A server that stops says so in its last message, then the stream ends.
      if (signal.aborted || readiness.stopping) return;
      await sleep(WATCH_INTERVAL_MS, clock, signal);
    }
  }

  router.service(Health, {
    check({ service }) {
      const status = statusOf(service);
      if (status !== ServingStatus.SERVICE_UNKNOWN) return { status };
      throw apiError({
        reason: "ROUTE_NOT_FOUND",
        message: `no service "${service}" here; List names them all`,
      });
    },
    list() {
      return {
        statuses: Object.fromEntries(
          ["", ...readiness.services()].map((name) => [name, { status: statusOf(name) }]),
        ),
      };
    },
    watch,
  });
}

/** Waits, or ends early when the signal is aborted. Never rejects. */
export function sleep(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    if (signal.aborted) finish();
    else signal.addEventListener("abort", finish);
  });
}

/** `/healthz` (the process answers) and `/readyz` (every part can do its work; says what is waited for, and what parts have to say besides). */
export function healthRoutes(readiness: Readiness): readonly HttpRoute[] {
  return [
    probe("/healthz", () => json(200, { status: "live" })),
    probe("/readyz", () => {
      const waiting = readiness.waiting();
      if (waiting.length > 0) return json(503, { status: "waiting", waiting });
      const remarks = readiness.remarks();
      return json(200, { status: "ready", ...(remarks.length > 0 && { remarks }) });
    }),
  ];
}

/** A route that is one path, for GET only. */
function probe(path: string, answer: () => HttpResponse): HttpRoute {
  return {
    prefix: path,
    handle: async ({ method, url }) => {
      if (url.pathname !== path)
        throw apiError({ reason: "ROUTE_NOT_FOUND", message: `no route ${url.pathname}; there is ${path}` });
      if (method === "GET") return answer();
      const error = apiError({ reason: "METHOD_NOT_ALLOWED", message: `${path} takes GET, found ${method}` });
      const { status, headers, body } = problemResponse(error, { headers: { allow: "GET, HEAD" } });
      return { status, headers: Object.fromEntries(headers), body };
    },
  };
}

function json(status: number, value: object): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: `${JSON.stringify(value)}\n`,
  };
}
