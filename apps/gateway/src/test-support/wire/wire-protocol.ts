import { create, type DescMessage, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { endStreamFromJson, errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";

import { schemas } from "../album.ts";
import type { RawAnswer } from "./exchange.ts";

/** One protocol and encoding of the API as bytes: how a request is framed, and where the error of an answer stands. */
export interface WireProtocol {
  readonly name: string;
  readonly contentType: string;
  readonly encoding: "json" | "proto";
  readonly timeoutHeader: (milliseconds: number) => Record<string, string>;
  /** The body that carries a message of these bytes. */
  readonly frame: (message: Uint8Array) => Uint8Array;
  /** The error that an answer tells; undefined for a success. */
  readonly errorOf: (answer: RawAnswer) => ConnectError | undefined;
}

const ENVELOPE_HEADER_BYTES = 5;
const connectTimeout = (milliseconds: number) => ({ "connect-timeout-ms": String(milliseconds) });
const grpcTimeout = (milliseconds: number) => ({ "grpc-timeout": `${milliseconds}m`, te: "trailers" });
const enveloped = (message: Uint8Array): Uint8Array => encodeEnvelope(0, message);
const bare = (message: Uint8Array): Uint8Array => message;

/** The protocols of unary calls. */
export const UNARY_PROTOCOLS: readonly WireProtocol[] = [
  unary("Connect with JSON", "application/json", "json"),
  unary("Connect with protobuf", "application/proto", "proto"),
  grpc("gRPC", "application/grpc+proto", "proto"),
  grpc("gRPC with JSON", "application/grpc+json", "json"),
  grpcWeb("gRPC-Web", "application/grpc-web+proto", "proto"),
  grpcWeb("gRPC-Web with JSON", "application/grpc-web+json", "json"),
];

/** The protocols of streams: gRPC and gRPC-Web frame both kinds alike. */
export const STREAM_PROTOCOLS: readonly WireProtocol[] = [
  connectStream("Connect streams with JSON", "application/connect+json", "json"),
  connectStream("Connect streams with protobuf", "application/connect+proto", "proto"),
  ...UNARY_PROTOCOLS.slice(2),
];

/** A message in the encoding of a protocol, not yet framed. */
export function encode<Desc extends DescMessage>(
  { encoding }: WireProtocol,
  desc: Desc,
  init: MessageInitShape<Desc>,
): Uint8Array {
  const message = create(desc, init);
  return encoding === "json"
    ? new TextEncoder().encode(toJsonString(desc, message, { registry: schemas }))
    : toBinary(desc, message);
}

function unary(name: string, contentType: string, encoding: "json" | "proto"): WireProtocol {
  return {
    name,
    contentType,
    encoding,
    frame: bare,
    timeoutHeader: connectTimeout,
    errorOf: ({ status, body }) =>
      status === 200
        ? undefined
        : errorFromJsonBytes(
            body,
            undefined,
            new ConnectError(`HTTP ${status} without an error`, Code.Unknown),
          ),
  };
}

function connectStream(name: string, contentType: string, encoding: "json" | "proto"): WireProtocol {
  return {
    name,
    contentType,
    encoding,
    frame: enveloped,
    timeoutHeader: connectTimeout,
    errorOf: ({ body }) => endStreamFromJson(lastEnvelope(body)).error,
  };
}

function grpc(name: string, contentType: string, encoding: "json" | "proto"): WireProtocol {
  return {
    name,
    contentType,
    encoding,
    frame: enveloped,
    timeoutHeader: grpcTimeout,
    errorOf: ({ headers, trailers }) => findTrailerError(trailers.has("grpc-status") ? trailers : headers),
  };
}

function grpcWeb(name: string, contentType: string, encoding: "json" | "proto"): WireProtocol {
  return {
    name,
    contentType,
    encoding,
    frame: enveloped,
    timeoutHeader: grpcTimeout,
    errorOf: ({ headers, body }) =>
      findTrailerError(headers.has("grpc-status") ? headers : trailerParse(lastEnvelope(body))),
  };
}

/** The content of the last envelope, which tells how the call ended. */
function lastEnvelope(body: Uint8Array): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let start = 0;
  let end = 0;
  while (end < body.byteLength) {
    start = end + ENVELOPE_HEADER_BYTES;
    end = start + view.getUint32(end + 1);
  }
  return body.subarray(start, end);
}
