import type { ConnectError } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { apiError } from "@trellis/resource";

import { tooLarge } from "./request-body.ts";

/** What the bodies of plain routes may be encoded with (RFC 9110 §8.4), as those of RPC calls may. */
const ENCODINGS = [compressionGzip, compressionBrotli];

/** The encodings as a header lists them. */
export const ACCEPTED_ENCODINGS = ENCODINGS.map(({ name }) => name).join(", ");

/** Turns a body as it came into what was meant. Throws `REQUEST_TOO_LARGE` where that has more than `maxBytes`, `MALFORMED_REQUEST` for broken bytes. */
export type Decode = (bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

/** How a request's body is decoded; undefined for an encoding that is not accepted, or more than one. */
export function decoderOf(headers: Headers): Decode | undefined {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return (bytes) => Promise.resolve(bytes);
  // RFC 9110 §8.4.1.3: a recipient takes "x-gzip" for "gzip".
  const name = encoding === "x-gzip" ? "gzip" : encoding;
  const found = ENCODINGS.find((one) => one.name === name);
  if (found === undefined) return undefined;
  return async (bytes, maxBytes) => {
    try {
      return await found.decompress(Uint8Array.from(bytes), maxBytes);
    } catch (error) {
      throw failureOf(error, encoding, maxBytes);
    }
  };
}

/** The error for a request whose encoding {@link decoderOf} does not know. */
export function unsupportedEncoding(headers: Headers): ConnectError {
  const found = headers.get("content-encoding") ?? "";
  const message = `expected a body as it is, or with content-encoding: ${ENCODINGS.map(({ name }) => name).join(" or ")}, found content-encoding: ${found}; send it in one of these`;
  return apiError({
    reason: "UNSUPPORTED_MEDIA_TYPE",
    message,
    violations: [{ field: "header content-encoding", description: message }],
  });
}

function failureOf(error: unknown, encoding: string, maxBytes: number): ConnectError {
  if (causeCode(error) === "ERR_BUFFER_TOO_LARGE") return tooLarge(maxBytes);
  const message = `the body is not what the header content-encoding: ${encoding} says, or was cut; encode it so, or leave the header out`;
  return apiError({
    reason: "MALFORMED_REQUEST",
    message,
    violations: [{ field: "body", description: message }],
    cause: error,
  });
}

/** What zlib says, which the error around it carries. */
function causeCode(error: unknown): unknown {
  return (error as { readonly cause?: { readonly code?: unknown } | undefined } | undefined)?.cause?.code;
}
