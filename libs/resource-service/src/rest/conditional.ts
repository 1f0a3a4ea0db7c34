import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { badRequest } from "./failure.ts";

/** What the conditional headers of RFC 9110 §13.1 ask of a mutation. */
export interface Conditional {
  /** From `If-Match: "VERSION"`. */
  readonly version?: string;
  readonly mode?: WriteRequest_Mode;
  /** The reasons for which the service refuses when a header's condition does not hold: 412 then. */
  readonly reasons: readonly string[];
}

const ENTITY_TAG = /^(?:W\/)?"([\u0021\u0023-\u007e]+)"$/;

/** The entity tag of a version. */
export function entityTag(version: string): string {
  return `"${version}"`;
}

/** Reads `If-Match: "VERSION"`, `If-Match: *` (only update) and `If-None-Match: *` (only create). Throws InvalidArgument for anything else. */
export function readConditional(headers: Headers): Conditional {
  const match = headers.get("if-match");
  const noneMatch = headers.get("if-none-match");
  if (match !== null && noneMatch !== null)
    throw wrong("if-match", "excludes If-None-Match; send one of them");
  if (noneMatch !== null) {
    if (noneMatch.trim() !== "*")
      throw wrong("if-none-match", `must be * (only create) on a mutation, found ${noneMatch}`);
    return { mode: WriteRequest_Mode.CREATE, reasons: ["ALREADY_EXISTS"] };
  }
  if (match === null) return { reasons: [] };
  if (match.trim() === "*") return { mode: WriteRequest_Mode.UPDATE, reasons: ["RESOURCE_NOT_FOUND"] };
  const version = ENTITY_TAG.exec(match.trim())?.[1];
  if (version === undefined)
    throw wrong("if-match", `must be * or one quoted version such as "42", found ${match}`);
  return { version, reasons: ["VERSION_MISMATCH", "RESOURCE_NOT_FOUND"] };
}

/** Whether `If-None-Match` of a read names this version: the answer is then 304 without a body. */
export function isUnchanged(headers: Headers, version: string): boolean {
  const noneMatch = headers.get("if-none-match");
  if (noneMatch === null) return false;
  return noneMatch
    .split(",")
    .some((tag) => tag.trim() === "*" || ENTITY_TAG.exec(tag.trim())?.[1] === version);
}

function wrong(header: string, description: string): Error {
  return badRequest("INVALID_REQUEST", [{ field: `header ${header}`, description }]);
}
