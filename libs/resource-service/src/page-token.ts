import { createHash } from "node:crypto";

import { Code } from "@connectrpc/connect";
import { type Key, toVersion, type Version } from "@trellis/storage";

import { ServiceError } from "./service-error.ts";

/** Where a list goes on: a place in one version of one store. */
export interface PagePosition {
  readonly storeId: string;
  readonly version: Version;
  readonly after: Key;
}

/** The longest token that is looked at. */
const MAX_TOKEN_LENGTH = 1_024;

/**
 * What binds a token to its request: a digest over everything that must be the same on the next page. A token is no secret and gives no rights (each page is authorized
 * by itself), so a digest is enough to tell mistakes.
 */
export function requestDigest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 16);
}

/** Writes a token. */
export function encodePageToken(position: PagePosition, digest: string): string {
  const { storeId, version, after } = position;
  const fields = [
    digest,
    storeId,
    version,
    after.group,
    after.kind,
    after.partition,
    after.namespace,
    after.name,
  ];
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

/** Reads a token of the same request. Throws `INVALID_PAGE_TOKEN` for any other, `STORE_CHANGED` for one of another store. */
export function decodePageToken(token: string, digest: string, storeId: string): PagePosition {
  const fields = token.length > MAX_TOKEN_LENGTH ? undefined : readFields(token);
  if (fields === undefined) throw invalidToken("it is not one that this service gave");
  const [given, store, version, group, kind, partition, namespace, name] = fields;
  if (given !== digest)
    throw invalidToken(
      "it belongs to another request or caller: all fields but page_token and page_size must be as they were",
    );
  if (store !== storeId) {
    throw new ServiceError({
      code: Code.OutOfRange,
      reason: "STORE_CHANGED",
      message: `the page token is of store ${String(store)}, this is ${storeId}; start the list again`,
    });
  }
  const after = { group, kind, partition, namespace, name } as Key;
  return { storeId, version: toVersion(Number(version)), after };
}

function readFields(token: string): readonly (string | number)[] | undefined {
  try {
    const fields: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (!Array.isArray(fields) || fields.length !== 8) return undefined;
    const right = fields.every((field, index) =>
      index === 2 ? Number.isSafeInteger(field) && field >= 0 : typeof field === "string",
    );
    return right ? (fields as (string | number)[]) : undefined;
  } catch {
    return undefined;
  }
}

function invalidToken(why: string): ServiceError {
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "INVALID_PAGE_TOKEN",
    message: `page_token invalid: ${why}; start the list again`,
    violations: [{ field: "page_token", description: why }],
  });
}
