import { apiError } from "@trellis/resource";
import type { Registry } from "@trellis/registry";

import { problemResponse, RestFailure } from "../rest/failure.ts";
import type { RestRequest, RestResponse, RestRoute } from "../rest/http.ts";
import { openApiDocument } from "./document.ts";

const OPENAPI_PATH = "/openapi.json";

/** `GET /openapi.json`. The document is made once for each version of the registry. */
export function createOpenApiRoute(registry: Registry): RestRoute {
  let made: { readonly version: string; readonly text: string } | undefined;

  async function handle({ method, url, headers }: RestRequest): Promise<RestResponse> {
    const fault = faultOf(method, url.pathname);
    if (fault !== undefined) return problemResponse(fault, {}, false) ?? { status: fault.status };
    const version = registry.version();
    if (made?.version !== version)
      made = { version, text: `${JSON.stringify(openApiDocument(registry), undefined, 1)}\n` };
    const etag = `"${version}"`;
    if (headers.get("if-none-match") === etag) return { status: 304, headers: { etag } };
    return { status: 200, headers: { "content-type": "application/json", etag }, body: made.text };
  }
  return { prefix: OPENAPI_PATH, handle };
}

function faultOf(method: string, pathname: string): RestFailure | undefined {
  if (pathname !== OPENAPI_PATH) {
    const message = `no route ${pathname}; the description of the API is at ${OPENAPI_PATH}`;
    return new RestFailure(404, apiError({ reason: "ROUTE_NOT_FOUND", message }));
  }
  if (method === "GET") return undefined;
  const message = `this route takes GET and HEAD, found ${method}`;
  return new RestFailure(405, apiError({ reason: "METHOD_NOT_ALLOWED", message }), { allow: "GET, HEAD" });
}
