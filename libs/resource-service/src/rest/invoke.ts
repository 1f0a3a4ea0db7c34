import type { DescMethod } from "@bufbuild/protobuf";
import { createHandlerContext, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Registry } from "@trellis/registry";
import { TIMEOUT_HEADER, timeoutMsIn } from "@trellis/resource";

import { badRequest } from "./failure.ts";
import type { RestRequest, RestResponse } from "./http.ts";
import type { Query } from "./query.ts";
import type { Target } from "./target.ts";

/** What the routes stand on: the same handlers that RPC clients reach. */
export interface RestDeps {
  readonly service: ServiceImpl<typeof ResourceService>;
  readonly registry: Registry;
  /** Sets the headers that say which store answers, and how new it is. */
  readonly setPosition: (headers: Headers) => void;
}

/** One request on its way: what it names, and the context that the handlers are given. */
export interface RestCall<Named extends Target = Target> extends RestDeps {
  readonly request: RestRequest;
  readonly target: Named;
  /** The context for a method; its response headers become the answer's. `headers` take the place of the request's own. */
  context(method: DescMethod, headers?: Readonly<Record<string, string>>): HandlerContext;
}

/** Answers one verb of one kind of path. */
export type RestHandler<Named extends Target = Target> = (call: RestCall<Named>) => Promise<RestResponse>;

/** Makes the contexts of a request. All of them write to the same response headers. */
export function contextFactory(request: RestRequest, responseHeaders: Headers): RestCall["context"] {
  const timeoutMs = readTimeout(request.headers);
  return (method, headers = {}) => {
    const requestHeader = new Headers(request.headers);
    for (const [name, value] of Object.entries(headers)) requestHeader.set(name, value);
    const context = createHandlerContext({
      service: ResourceService,
      method,
      protocolName: "rest",
      requestMethod: request.method,
      url: request.url.href,
      requestHeader,
      requestSignal: request.signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return {
      ...context,
      timeoutMs: context.timeoutMs,
      signal: context.signal,
      responseHeader: responseHeaders,
    };
  };
}

function readTimeout(headers: Headers): number | undefined {
  const text = headers.get(TIMEOUT_HEADER);
  const timeoutMs = timeoutMsIn(headers);
  if (text === null || timeoutMs !== undefined) return timeoutMs;
  throw badRequest("INVALID_REQUEST", [
    { field: `header ${TIMEOUT_HEADER}`, description: `must be a whole number above 0, found "${text}"` },
  ]);
}

/** The id that an item's path and query name. */
export function idOf(target: Exclude<Target, { kind: "collection" }>, query: Query) {
  const { group, groupVersion, kind } = target.type;
  return {
    type: { group, groupVersion, kind },
    tenancy: tenancyOf(query),
    name: target.name,
    uid: query.text("uid") ?? "",
  };
}

/** The query parameters that name a tenancy; `ns` is short for `namespace`. */
export const TENANCY_PARAMETERS = ["partition", "namespace", "ns"] as const;

/** The tenancy that the query names; blank units are defaulted by the service. */
export function tenancyOf(query: Query): { partition: string; namespace: string } {
  return {
    partition: query.text("partition") ?? "",
    namespace: query.text("namespace") ?? query.text("ns") ?? "",
  };
}
