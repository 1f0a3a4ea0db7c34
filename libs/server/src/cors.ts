import { cors as connectCors } from "@connectrpc/connect";

import type { OutgoingResponse } from "./node-response.ts";

/** Which web pages may call the server. */
export interface CorsOptions {
  /** Origins (`https://console.example`), `*` for all; empty for none. Credentials of the browser are never allowed. */
  readonly origins: readonly string[];
}

/** Sets the headers that let a browser read an answer, and answers preflight requests. */
export interface Cors {
  /** The answer to a preflight request, before {@link apply}; undefined when the request is none. */
  preflight(method: string, headers: Headers): OutgoingResponse | undefined;
  /** What every response needs, also one to a request that no page made. */
  readonly always: Readonly<Record<string, string>>;
  /** Adds what a response to this request needs. */
  apply(request: Headers, response: Headers): void;
}

const ALLOWED_METHODS = [...connectCors.allowedMethods, "HEAD", "PUT", "DELETE"].join(", ");

const ALLOWED_HEADERS = [
  ...connectCors.allowedHeaders,
  "Authorization",
  "If-Match",
  "If-None-Match",
  "Trellis-Consistency",
  "Trellis-Min-Version",
  "Trellis-Store",
  "Trellis-Timeout-Ms",
  "X-Consul-Token",
  "X-Consul-Consistency-Mode",
].join(", ");

const EXPOSED_HEADERS = [
  ...connectCors.exposedHeaders,
  "ETag",
  "Retry-After",
  "Trellis-Outcome",
  "Trellis-Store",
  "Trellis-Version",
].join(", ");

/** How long a browser may remember a preflight answer. Browsers cap it at two hours themselves. */
const MAX_AGE_SECONDS = 7_200;

/** Makes the CORS rules of a server. */
export function createCors(options: CorsOptions): Cors {
  const origins = new Set(options.origins);
  const any = origins.has("*");

  function allows(request: Headers): boolean {
    const origin = request.get("origin");
    return origin !== null && (any || origins.has(origin));
  }

  const always: Readonly<Record<string, string>> = !any && origins.size > 0 ? { vary: "Origin" } : {};

  return {
    always,
    preflight(method, headers) {
      if (method !== "OPTIONS" || !headers.has("origin") || !headers.has("access-control-request-method"))
        return undefined;
      const response = new Headers();
      if (allows(headers)) {
        response.set("access-control-allow-methods", ALLOWED_METHODS);
        response.set("access-control-allow-headers", ALLOWED_HEADERS);
        response.set("access-control-max-age", String(MAX_AGE_SECONDS));
      }
      return { status: 204, headers: response };
    },
    apply(request, response) {
      for (const [name, value] of Object.entries(always)) response.append(name, value);
      if (!allows(request)) return;
      response.set("access-control-allow-origin", any ? "*" : (request.get("origin") ?? ""));
      response.set("access-control-expose-headers", EXPOSED_HEADERS);
    },
  };
}
