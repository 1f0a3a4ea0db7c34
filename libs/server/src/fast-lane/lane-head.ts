import type { IncomingHttpHeaders } from "node:http";

import { type Compression, compressionNegotiate } from "@connectrpc/connect/protocol";

import { COMPRESSIONS } from "../rpc-options.ts";
import { type TimeoutHeader, timeoutMsOf } from "../timeout-headers.ts";

/** A protocol with the form of its messages, as a content type names them. */
export interface LaneProtocol {
  readonly name: "connect" | "grpc";
  readonly binary: boolean;
  /** Of answers. */
  readonly contentType: string;
  readonly timeoutHeader: TimeoutHeader;
  /** The headers of requests and answers that name a compression. */
  readonly encodingHeader: string;
  readonly acceptHeader: string;
}

/** What the head of a request says of how to answer it. */
export interface LaneHead {
  readonly protocol: LaneProtocol;
  readonly timeoutMs: number | undefined;
  /** What the answer is compressed with, where that pays; null for nothing. */
  readonly compression: Compression | null;
}

const CONNECT = {
  name: "connect",
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "content-encoding",
  acceptHeader: "accept-encoding",
} as const;
const GRPC = {
  name: "grpc",
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  acceptHeader: "grpc-accept-encoding",
} as const;
const GRPC_PROTO: LaneProtocol = { ...GRPC, binary: true, contentType: "application/grpc+proto" };

/** By content type, as nearly all clients write them. */
export type LaneProtocols = ReadonlyMap<string, LaneProtocol>;

/** Of calls with one message each way. */
export const UNARY_PROTOCOLS: LaneProtocols = new Map<string, LaneProtocol>([
  ["application/proto", { ...CONNECT, binary: true, contentType: "application/proto" }],
  ["application/json", { ...CONNECT, binary: false, contentType: "application/json" }],
  ["application/grpc", GRPC_PROTO],
  ["application/grpc+proto", GRPC_PROTO],
]);

/** Of answers in a stream, in binary. */
export const STREAM_PROTOCOLS: LaneProtocols = new Map<string, LaneProtocol>([
  [
    "application/connect+proto",
    {
      ...CONNECT,
      binary: true,
      contentType: "application/connect+proto",
      encodingHeader: "connect-content-encoding",
      acceptHeader: "connect-accept-encoding",
    },
  ],
  ["application/grpc", GRPC_PROTO],
  ["application/grpc+proto", GRPC_PROTO],
]);

/** What heads are held to. */
export interface HeadLimits {
  readonly maxRequestBytes: number;
  readonly maxTimeoutMs: number;
}

/** Reads the head of a POST. Undefined for everything out of the ordinary, wrong or not. */
export function readLaneHead(
  headers: IncomingHttpHeaders,
  { maxRequestBytes, maxTimeoutMs }: HeadLimits,
  protocols: LaneProtocols,
): LaneHead | undefined {
  const protocol = protocols.get(headers["content-type"] ?? "");
  if (protocol === undefined || headers.origin !== undefined || headers.expect !== undefined)
    return undefined;
  const encoding = headers[protocol.encodingHeader];
  if (encoding !== undefined && encoding !== "identity") return undefined;
  const announced = headers["content-length"];
  if (announced !== undefined && !(Number(announced) <= maxRequestBytes)) return undefined;
  const timeout = headers[protocol.timeoutHeader];
  const timeoutMs = timeout === undefined ? undefined : timeoutMsOf(protocol.timeoutHeader, timeout);
  if (timeout !== undefined && (timeoutMs === undefined || timeoutMs <= 0)) return undefined;
  return {
    protocol,
    timeoutMs: timeoutMs === undefined ? undefined : Math.min(timeoutMs, maxTimeoutMs),
    compression: acceptedCompression(headers[protocol.acceptHeader], protocol.acceptHeader),
  };
}

/** The answers for the few values that clients send. */
const remembered = new Map<string, Compression | null>();
const MAX_REMEMBERED = 64;

function acceptedCompression(accepted: string | string[] | undefined, header: string): Compression | null {
  if (accepted === undefined || accepted === "identity") return null;
  const text = String(accepted);
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const { response } = compressionNegotiate([...COMPRESSIONS], null, text, header);
  if (remembered.size < MAX_REMEMBERED) remembered.set(text, response);
  return response;
}
