import { Code } from "@connectrpc/connect";
import type { ErrorReason } from "@trellis/protos/trellis/resource/v1/errors_pb";

/** A reason's name without its prefix ("VERSION_MISMATCH"), as `google.rpc.ErrorInfo.reason` carries it. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** What a reason is in the words of the protocols. */
export interface ErrorKind {
  /** The code that Connect and gRPC answer with, unless the method chooses another. */
  readonly code: Code;
  /** The status that plain HTTP answers with. */
  readonly httpStatus: number;
}

/** The HTTP status of each code, as Connect has them, with 429 and 409 where plain HTTP has better words. */
const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 409,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** The HTTP status that stands for an RPC code on a plain route. */
export function httpStatusOf(code: Code): number {
  return HTTP_STATUS[code];
}

function kind(code: Code, httpStatus: number = HTTP_STATUS[code]): ErrorKind {
  return { code, httpStatus };
}

/** Each reason's code and status: the one table behind every protocol and behind docs/ERRORS.md. */
export const errorCatalogue: Readonly<Record<Reason, ErrorKind>> = {
  INVALID_REQUEST: kind(Code.InvalidArgument),
  TYPE_NOT_REGISTERED: kind(Code.InvalidArgument),
  WRONG_DATA_TYPE: kind(Code.InvalidArgument),
  MALFORMED_DATA: kind(Code.InvalidArgument),
  WRONG_SCOPE: kind(Code.InvalidArgument),
  INVALID_DATA: kind(Code.InvalidArgument),
  RESOURCE_NOT_FOUND: kind(Code.NotFound),
  PARTITION_NOT_FOUND: kind(Code.NotFound),
  NAMESPACE_NOT_FOUND: kind(Code.NotFound),
  TENANCY_MARKED_FOR_DELETION: kind(Code.InvalidArgument),
  GROUP_VERSION_MISMATCH: kind(Code.InvalidArgument),
  VERSION_MISMATCH: kind(Code.Aborted),
  UID_MISMATCH: kind(Code.FailedPrecondition),
  ALREADY_EXISTS: kind(Code.AlreadyExists),
  OWNER_NOT_FOUND: kind(Code.InvalidArgument),
  OWNER_IMMUTABLE: kind(Code.InvalidArgument),
  STATUS_IMMUTABLE: kind(Code.InvalidArgument),
  DELETION_RULE: kind(Code.InvalidArgument),
  PRECONDITION_FAILED: kind(Code.FailedPrecondition, 412),
  PERMISSION_DENIED: kind(Code.PermissionDenied),
  SYSTEM_TYPE: kind(Code.PermissionDenied),
  HOOK_FAILED: kind(Code.Internal),
  STORE_CHANGED: kind(Code.OutOfRange, 410),
  PAGE_EXPIRED: kind(Code.OutOfRange, 410),
  INVALID_PAGE_TOKEN: kind(Code.InvalidArgument),
  HISTORY_GONE: kind(Code.OutOfRange, 410),
  VERSION_NOT_REACHED: kind(Code.Unavailable),
  SLOW_WATCHER: kind(Code.ResourceExhausted),
  OUTCOME_UNKNOWN: kind(Code.Unknown),
  NO_SPACE: kind(Code.ResourceExhausted, 507),
  LIMIT_REACHED: kind(Code.ResourceExhausted),
  REQUEST_TOO_LARGE: kind(Code.ResourceExhausted, 413),
  MALFORMED_REQUEST: kind(Code.InvalidArgument),
  UNAVAILABLE: kind(Code.Unavailable),
  NOT_IMPLEMENTED: kind(Code.Unimplemented),
  INTERNAL: kind(Code.Internal),
  DEADLINE_EXCEEDED: kind(Code.DeadlineExceeded),
  SHUTTING_DOWN: kind(Code.Unavailable),
  AUTHORIZATION_CHANGED: kind(Code.Aborted),
  ROUTE_NOT_FOUND: kind(Code.NotFound),
  METHOD_NOT_ALLOWED: kind(Code.Unimplemented, 405),
  UNSUPPORTED_MEDIA_TYPE: kind(Code.InvalidArgument, 415),
  CONFLICT: kind(Code.Unavailable),
  UNAUTHENTICATED: kind(Code.Unauthenticated),
};
