import { brotliDecompressSync, gunzipSync } from "node:zlib";

import type { DescMessage, JsonValue, Registry as SchemaRegistry } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import { compressedFlag } from "@connectrpc/connect/protocol";
import { type FieldViolation, jsonTextViolations, jsonViolations } from "@trellis/resource";

/** How many violations are looked for in one request. */
const MAX_VIOLATIONS = 100;
const ENVELOPE_HEADER_BYTES = 5;
/** The content types of Connect, gRPC and gRPC-Web whose messages are JSON. The last three put them into envelopes. */
const JSON_TYPE = /^application\/(?:(?:connect|grpc|grpc-web)\+)?json(?:;|$)/i;
const ENCODINGS = ["content-encoding", "connect-content-encoding", "grpc-encoding"];

/** What a JSON request was, and how to read it. */
export interface JsonRequestOptions {
  readonly headers: Headers;
  readonly url: URL;
  readonly schema: DescMessage;
  readonly schemas: SchemaRegistry;
  /** Bytes of the message; of a larger one nothing is told. */
  readonly maxBytes: number;
}

/**
 * Keeps what a request had as its one message, to say where its faults are: the protocol layers read JSON with a parser that names no path, and forget
 * the text.
 */
export interface JsonRequest {
  /** The body as it is read, kept on the way. */
  keep(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Everything that is wrong with the message, by field path; empty when it is no JSON at all, or right. */
  violations(): readonly FieldViolation[];
  /** Lets go of the text, once the request is known to be right. */
  forget(): void;
}

/** Where the interceptors find the request; undefined for one whose message is not JSON. */
export const JSON_REQUEST: ContextKey<JsonRequest | undefined> = createContextKey<JsonRequest | undefined>(
  undefined,
);

/** Undefined for a request whose message is not JSON. */
export function createJsonRequest(options: JsonRequestOptions): JsonRequest | undefined {
  const { headers, url, schema, schemas, maxBytes } = options;
  const contentType = headers.get("content-type") ?? "";
  const isQuery = url.searchParams.get("encoding") === "json";
  if (!isQuery && !JSON_TYPE.test(contentType)) return undefined;
  let kept: Uint8Array[] | undefined = [];
  let bytes = 0;

  async function* keep(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes + ENVELOPE_HEADER_BYTES) kept = undefined;
      kept?.push(chunk);
      yield chunk;
    }
  }

  function message(): Uint8Array {
    if (isQuery) return queryMessage(url);
    const body = Buffer.concat(kept ?? []);
    const encoding = ENCODINGS.map((name) => headers.get(name)).find((value) => value !== null) ?? "";
    if (!contentType.includes("+")) return decompressed(body, encoding, maxBytes);
    const isCompressed = ((body[0] ?? 0) & compressedFlag) === compressedFlag;
    const data = body.subarray(ENVELOPE_HEADER_BYTES);
    return isCompressed ? decompressed(data, encoding, maxBytes) : data;
  }

  return {
    keep,
    forget: () => void (kept = undefined),
    violations() {
      let text: string;
      let json: JsonValue;
      try {
        text = new TextDecoder("utf-8", { fatal: true }).decode(message());
        json = JSON.parse(text) as JsonValue;
      } catch {
        return [];
      }
      const faults = jsonTextViolations(text, MAX_VIOLATIONS);
      return faults.length > 0
        ? faults
        : jsonViolations(schema, json, "", { schemas, limit: MAX_VIOLATIONS });
    },
  };
}

function queryMessage(url: URL): Uint8Array {
  const text = url.searchParams.get("message") ?? "";
  return Buffer.from(text, url.searchParams.get("base64") === "1" ? "base64url" : "utf8");
}

function decompressed(data: Uint8Array, encoding: string, maxOutputLength: number): Uint8Array {
  if (encoding === "gzip") return gunzipSync(data, { maxOutputLength });
  return encoding === "br" ? brotliDecompressSync(data, { maxOutputLength }) : data;
}
