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

/** The REST API (API.md §4) over the handlers that RPC clients reach: plain HTTP and JSON, for curl and scripts. */
export function createRestRoutes(deps: RestDeps): readonly RestRoute[] {
  return [{ prefix: REST_PREFIX, handle: (request) => answer(deps, request) }];
}

async function answer(deps: RestDeps, request: RestRequest): Promise<RestResponse> {
  const responseHeaders = new Headers();
  try {
    const target = parseTarget(request.url.pathname, deps.registry);
    const handler = handlerOf(target, request.method);
    const call: RestCall = { ...deps, request, target, context: contextFactory(request, responseHeaders) };
    const response = await handler(call);
    return { ...response, headers: { ...Object.fromEntries(responseHeaders), ...response.headers } };
  } catch (error) {
    const response = problemResponse(error, Object.fromEntries(responseHeaders));
    if (response === undefined) throw error;
    return response;
  }
}

function handlerOf(target: Target, method: string): RestHandler {
  const handlers = HANDLERS[target.kind] as Readonly<Record<string, RestHandler>>;
  const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
  if (handler !== undefined) return handler;
  const allowed = Object.keys(handlers).join(", ");
  throw new RestFailure(
    405,
    apiError({ reason: "METHOD_NOT_ALLOWED", message: `this route takes ${allowed}, found ${method}` }),
    { allow: allowed },
  );
}
