import type { DescMethodUnary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type DeleteRequest, ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorApplied, errorReason } from "@trellis/resource";

/** A call that failed. */
export interface FailedCall {
  readonly method: DescMethodUnary;
  /** The request, in whatever form the caller gave it. */
  readonly input: unknown;
  readonly error: unknown;
  /** The error told that another store answers now, and the next try asks for nothing of the former one. */
  readonly storeMoved: boolean;
}

/**
 * Whether a failed call may be made again: it has no effect that repeating would change, or the server says that it had none. A mutation whose outcome
 * nobody knows is left to its caller.
 */
export function mayRepeat({ method, input, error, storeMoved }: FailedCall): boolean {
  const { code } = ConnectError.from(error);
  const reason = errorReason(error);
  const safe = isHarmless(method, input) || errorApplied(error) === "no" || wasNeverBegun(error);
  switch (reason) {
    case undefined:
      return safe && BROKEN_CONNECTION.includes(code);
    case "STORE_CHANGED":
      // A mutation is refused for the versions that it names, which another store's may equal by chance.
      return storeMoved && method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    case "REQUEST_TOO_LARGE":
      return false;
    case "OUTCOME_UNKNOWN":
      return isHarmless(method, input);
    default:
      return safe && (code === Code.Unavailable || code === Code.ResourceExhausted);
  }
}

/** How a connection's end shows when no server had the last word. */
const BROKEN_CONNECTION: readonly Code[] = [Code.Unavailable, Code.Aborted, Code.Internal, Code.Canceled];

/** Reads, dry runs, and deletes that pin an incarnation and nothing else: made twice, they do what they do once. */
function isHarmless(method: DescMethodUnary, input: unknown): boolean {
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return true;
  const request = input as Partial<DeleteRequest>;
  if (request.dryRun === true) return true;
  if (method !== (ResourceService.method.delete as DescMethodUnary)) return false;
  const { id, version = "", preconditions = [] } = request;
  return (id?.uid ?? "") !== "" && version === "" && preconditions.length === 0;
}

/** What Node says when there was nobody to send to, or the connection was on its way out. */
const NOT_SENT: readonly unknown[] = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ERR_HTTP2_GOAWAY_SESSION",
];
/**
 * In the words of Node and of connect-node for a stream that the server refused: it was not looked at (RFC 9113 §8.7). So ends what a client sends while a
 * server that stops is telling it to go away.
 */
const REFUSED_STREAM = "REFUSED_STREAM";
/** Errors that one may be the cause of, one below the other. */
const MAX_CAUSES = 8;

/** Whether no server has begun with the call. */
function wasNeverBegun(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof cause === "object" && cause !== null; depth++) {
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
    if (NOT_SENT.includes(code) || String(message).includes(REFUSED_STREAM)) return true;
    ({ cause } = cause as { cause?: unknown });
  }
  return false;
}
