import type { Registry } from "@trellis/registry";
import { apiError, type ResourceType } from "@trellis/resource";

import { badRequest, RestFailure } from "./failure.ts";

/** Where the REST API begins. */
export const REST_PREFIX = "/api/";

/** What a path names. */
export type Target =
  | { readonly kind: "collection"; readonly type: ResourceType }
  | { readonly kind: "item"; readonly type: ResourceType; readonly name: string }
  | { readonly kind: "owned"; readonly type: ResourceType; readonly name: string }
  | { readonly kind: "status"; readonly type: ResourceType; readonly name: string; readonly key: string };

/**
 * Reads `/api/{group}/{version}/{kind}[/{name}[/owned|/status/{key}]]`; group, version and kind in any case. Throws a 404 for a type that is
 * not registered and for any other path, and InvalidArgument for broken percent-encoding.
 */
export function parseTarget(pathname: string, registry: Registry): Target {
  const [group, groupVersion, kind, name, section, key, ...rest] = pathname
    .slice(REST_PREFIX.length)
    .split("/")
    .map(decodeSegment);
  if (!group || !groupVersion || !kind || name === "" || rest.length > 0) throw unknownRoute(pathname);
  const type = resolveType(registry, `${group}.${groupVersion}.${kind}`);
  if (name === undefined) return { kind: "collection", type };
  if (section === undefined) return { kind: "item", type, name };
  if (section === "owned" && key === undefined) return { kind: "owned", type, name };
  if (section === "status" && key) return { kind: "status", type, name, key };
  throw unknownRoute(pathname);
}

function resolveType(registry: Registry, path: string): ResourceType {
  const wanted = path.toLowerCase();
  const registration = registry.types().find(({ type }) => type.gvk.toLowerCase() === wanted);
  if (registration !== undefined) return registration.type;
  const message = `no type ${path} is registered here; GET /openapi.json and "trellis types" list those that are`;
  const violations = [{ field: "path", description: message }];
  throw new RestFailure(404, apiError({ reason: "TYPE_NOT_REGISTERED", message, violations }));
}

function unknownRoute(pathname: string): RestFailure {
  return new RestFailure(
    404,
    apiError({
      reason: "ROUTE_NOT_FOUND",
      message: `no route ${pathname}; resources are at ${REST_PREFIX}{group}/{version}/{kind}, then /{name}, /{name}/owned, /{name}/status/{key}`,
    }),
  );
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest("MALFORMED_REQUEST", [
      {
        field: "path",
        description: `"${segment}" is not percent-encoded UTF-8 (RFC 3986 §2.1); write a % sign as %25`,
      },
    ]);
  }
}
