import { ConnectError } from "@connectrpc/connect";
import { compressedFlag, encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamFromJson,
  endStreamToJson,
  errorFromJsonBytes,
  errorToJson,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

import { explainFailure, type FailedCall } from "./failure.ts";
import { boundGrpcStatus, setGrpcStatus } from "./grpc-status.ts";
import type { OutgoingResponse } from "./node-response.ts";

const ENVELOPE_HEADER_BYTES = 5;
/** Error messages are short; one beyond this is passed on as it is. */
const MAX_ERROR_BYTES = 1024 * 1024;

/**
 * Turns what a Connect handler answers into a response, on the way giving errors without details theirs ({@link explainFailure}).
 * Errors of parsing never pass an interceptor, so this is the first place that sees them: the trailers of gRPC, the last envelope of
 * gRPC-Web and of Connect streams, the body of a Connect unary error.
 */
export async function rpcResponse(
  answer: UniversalServerResponse,
  call: FailedCall,
): Promise<OutgoingResponse> {
  const headers = answer.header ?? new Headers();
  const contentType = headers.get("content-type") ?? "";
  const response = { status: answer.status, headers, body: answer.body };
  if (contentType.startsWith("application/grpc-web")) {
    const encoding = headers.get("grpc-encoding");
    return {
      ...response,
      transform: (chunk) => explainEnvelope(chunk, trailerFlag, encoding, (data) => webTrailer(data, call)),
    };
  }
  if (contentType.startsWith("application/grpc")) {
    const trailer = answer.trailer ?? new Headers();
    return { ...response, trailers: () => explainTrailer(trailer, call) };
  }
  if (contentType.startsWith("application/connect+")) {
    const encoding = headers.get("connect-content-encoding");
    return {
      ...response,
      transform: (chunk) => explainEnvelope(chunk, endStreamFlag, encoding, (data) => streamEnd(data, call)),
    };
  }
  return answer.status >= 400 && answer.body !== undefined
    ? await explainUnary(response, answer.body, call)
    : response;
}

async function explainUnary(
  response: OutgoingResponse,
  body: AsyncIterable<Uint8Array>,
  call: FailedCall,
): Promise<OutgoingResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const sent = Buffer.concat(chunks);
  const bytes = await decompress(sent, response.headers.get("content-encoding"));
  let error: ConnectError;
  try {
    error = errorFromJsonBytes(bytes, undefined, new ConnectError("not an error"));
  } catch {
    return { ...response, body: sent };
  }
  const explained = explainFailure(error, call);
  if (explained === error) return { ...response, body: sent };
  const text = new TextEncoder().encode(JSON.stringify(errorToJson(explained, undefined)));
  response.headers.delete("content-encoding");
  response.headers.set("content-length", String(text.byteLength));
  return { ...response, status: codeToHttpStatus(explained.code), body: text };
}

function explainTrailer(trailer: Headers, call: FailedCall): Headers {
  const error = trailer.has("grpc-status-details-bin") ? undefined : findTrailerError(trailer);
  return error === undefined
    ? boundGrpcStatus(trailer)
    : setGrpcStatus(trailer, explainFailure(withoutMetadata(error), call));
}

/** Each chunk of a streamed body is one whole envelope; only the last, flagged one can tell an error. */
function explainEnvelope(
  chunk: Uint8Array,
  flag: number,
  encoding: string | null,
  explain: (data: Uint8Array) => Uint8Array | undefined,
): Uint8Array | Promise<Uint8Array> {
  const flags = chunk[0] ?? 0;
  if ((flags & flag) !== flag) return chunk;
  const data = chunk.subarray(ENVELOPE_HEADER_BYTES);
  const change = (plain: Uint8Array): Uint8Array => {
    const explained = explain(plain);
    return explained === undefined ? chunk : encodeEnvelope(flag, explained);
  };
  return (flags & compressedFlag) === compressedFlag ? decompress(data, encoding).then(change) : change(data);
}

function webTrailer(data: Uint8Array, call: FailedCall): Uint8Array | undefined {
  const trailer = trailerParse(data);
  if (trailer.has("grpc-status-details-bin") || (trailer.get("grpc-status") ?? "0") === "0") return undefined;
  return trailerSerialize(explainTrailer(trailer, call));
}

function streamEnd(data: Uint8Array, call: FailedCall): Uint8Array | undefined {
  const { error, metadata } = endStreamFromJson(data);
  if (error === undefined || error.details.length > 0) return undefined;
  const end = endStreamToJson(metadata, explainFailure(withoutMetadata(error), call), undefined);
  return new TextEncoder().encode(JSON.stringify(end));
}

/** An error read back from trailers carries them as metadata, which must not be copied onto themselves. */
function withoutMetadata(error: ConnectError): ConnectError {
  return new ConnectError(error.rawMessage, error.code, undefined, undefined, error.cause);
}

async function decompress(bytes: Uint8Array, encoding: string | null): Promise<Uint8Array> {
  const compression = [compressionGzip, compressionBrotli].find(({ name }) => name === encoding);
  return compression === undefined
    ? bytes
    : await compression.decompress(Uint8Array.from(bytes), MAX_ERROR_BYTES);
}
