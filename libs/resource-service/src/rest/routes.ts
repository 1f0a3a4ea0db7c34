import { apiError } from "@trellis/resource";

import { listCollection, listOwned } from "./collection.ts";
import { problemResponse, RestFailure } from "./failure.ts";
import type { RestRequest, RestResponse, RestRoute } from "./http.ts";
import { contextFactory, type RestCall, type RestDeps, type RestHandler } from "./invoke.ts";
import { deleteItem, readItem, writeItem } from "./item.ts";
import { removeStatus, writeStatus } from "./status.ts";
import { parseTarget, REST_PREFIX, type Target } from "./target.ts";

/** The verbs of each kind of path. */
const HANDLERS: {
  readonly [Kind in Target["kind"]]: Readonly<Record<string, RestHandler<Extract<Target, { kind: Kind }>>>>;
} = {
  collection: { GET: listCollection },
  item: { GET: readItem, PUT: writeItem, DELETE: deleteItem },
  owned: { GET: listOwned },
  status: { PUT: writeStatus, DELETE: removeStatus },
};

/** What a HEAD or OPTIONS answers is derived from the other verbs (RFC 9110 §9.3). */
const DERIVED = ["HEAD", "OPTIONS"];
/** Verbs that change nothing: their errors say nothing of what was applied. */
const SAFE = ["GET", ...DERIVED];

/** The REST API (API.md §4) over the handlers that RPC clients reach: plain HTTP and JSON, for curl and scripts. */
export function createRestRoutes(deps: RestDeps): readonly RestRoute[] {
  return [{ prefix: REST_PREFIX, handle: (request) => answer(deps, request) }];
}

async function answer(deps: RestDeps, request: RestRequest): Promise<RestResponse> {
  const responseHeaders = new Headers();
  deps.setPosition(responseHeaders);
  try {
    const target = parseTarget(request.url.pathname, deps.registry);
    const allowed = allowedVerbs(target);
    if (request.method === "OPTIONS")
      return { status: 204, headers: { ...Object.fromEntries(responseHeaders), allow: allowed.join(", ") } };
    const handler = handlerOf(target, request.method, allowed);
    const call: RestCall = { ...deps, request, target, context: contextFactory(request, responseHeaders) };
    const response = await handler(call);
    const headers = { ...Object.fromEntries(responseHeaders), ...response.headers };
    return request.method === "HEAD" ? { status: response.status, headers } : { ...response, headers };
  } catch (error) {
    const mutation = !SAFE.includes(request.method);
    const response = problemResponse(error, Object.fromEntries(responseHeaders), mutation);
    if (response === undefined) throw error;
    return response;
  }
}

function verbsOf(target: Target): Readonly<Record<string, RestHandler>> {
  return HANDLERS[target.kind] as Readonly<Record<string, RestHandler>>;
}

function allowedVerbs(target: Target): readonly string[] {
  const verbs = Object.keys(verbsOf(target));
  return [...verbs, ...DERIVED.filter((verb) => verb !== "HEAD" || verbs.includes("GET"))];
}

function handlerOf(target: Target, method: string, allowed: readonly string[]): RestHandler {
  const handlers = verbsOf(target);
  const verb = method === "HEAD" ? "GET" : method;
  const handler = Object.hasOwn(handlers, verb) ? handlers[verb] : undefined;
  if (handler !== undefined) return handler;
  const message = `this route takes ${allowed.join(", ")}, found ${method}`;
  throw new RestFailure(405, apiError({ reason: "METHOD_NOT_ALLOWED", message }), {
    allow: allowed.join(", "),
  });
}
