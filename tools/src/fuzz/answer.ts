/** What became of a request. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** What the protocol says besides the HTTP status: gRPC's number, Connect's or a problem's name; undefined for a success. */
      readonly code: string | undefined;
      /** Why no client should ever get this answer; undefined when it is right. */
      readonly fault: string | undefined;
    }
  /** The connection or stream ended without an answer. */
  | { readonly kind: "cut" }
  /** The client went away, as it was meant to. */
  | { readonly kind: "left" }
  /** No answer within the time. */
  | { readonly kind: "hung" }
  /** Answered, and the stream stayed open long after. */
  | { readonly kind: "kept" };

type Headers = Readonly<Record<string, string | string[] | number | undefined>>;

/** gRPC's codes for a server that does not know what went wrong: unknown, internal, data loss. */
const BLAMED_GRPC = new Set(["2", "13", "15"]);
/** The same by name, as Connect has them. */
const BLAMED_CONNECT = new Set(["unknown", "internal", "data_loss"]);
/** What a server may say with a status of 5xx: not implemented, at its limit or not ready, out of time. */
const FAIR_5XX = new Set([501, 503, 504]);
const SHOWN_CHARACTERS = 300;

/** Reads an answer of any of the protocols, and judges it: a hostile request is the client's fault, and the answer must say so. */
export function readAnswer(status: number | undefined, headers: Headers, body: Buffer): Answer {
  if (status === undefined) return { kind: "cut" };
  const text = body.toString("latin1");
  const grpcStatus = headers["grpc-status"] ?? /grpc-status: ?(\d+)/i.exec(text)?.[1];
  const named = namedCode(headers, text);
  const isGrpc = String(headers["content-type"]).startsWith("application/grpc");
  const shown = text.slice(0, SHOWN_CHARACTERS);
  return {
    kind: "answered",
    status,
    code: grpcStatus === undefined || grpcStatus === "0" ? named : `grpc ${String(grpcStatus)}`,
    fault: faultOf({ status, grpcStatus: grpcStatus?.toString(), named, isGrpc }, shown),
  };
}

interface Verdicts {
  readonly status: number;
  readonly grpcStatus: string | undefined;
  readonly named: string | undefined;
  readonly isGrpc: boolean;
}

function faultOf({ status, grpcStatus, named, isGrpc }: Verdicts, shown: string): string | undefined {
  if (status >= 500 && !FAIR_5XX.has(status)) return `HTTP ${status}: ${shown}`;
  if (grpcStatus !== undefined && BLAMED_GRPC.has(grpcStatus)) return `grpc-status ${grpcStatus}: ${shown}`;
  if (named !== undefined && BLAMED_CONNECT.has(named.toLowerCase())) return `${named}: ${shown}`;
  if (isGrpc && status === 200 && grpcStatus === undefined) return `no grpc-status: ${shown}`;
  if (!isGrpc && status >= 400 && status !== 404 && named === undefined)
    return `HTTP ${status} without a code: ${shown}`;
  return undefined;
}

/** Connect's `code`, or the reason of a problem. */
function namedCode(headers: Headers, text: string): string | undefined {
  const contentType = String(headers["content-type"]);
  if (!contentType.includes("json")) return undefined;
  const reason = /"reason":\s*"(\w+)"/.exec(text)?.[1];
  const code = /^\{"code":\s*"(\w+)"/.exec(text)?.[1];
  return contentType.includes("problem") ? reason : code;
}
