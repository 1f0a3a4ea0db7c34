import { Code, ConnectError } from "@connectrpc/connect";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { typeNameText } from "@trellis/resource";
import { StorageError, type StoredRecord } from "@trellis/storage";

import { fromConnectError, type Reason, ServiceError } from "./service-error.ts";

/** A resource in words: `demo.v2.Artist default/default/name`. */
export function idText(id: ID): string {
  const units = [id.tenancy?.partition, id.tenancy?.namespace].filter(
    (unit) => unit !== undefined && unit !== "",
  );
  return `${id.type === undefined ? "?" : typeNameText(id.type)} ${[...units, id.name].join("/")}`;
}

/** Nothing is stored under that name, or another incarnation is. */
export function resourceNotFound(id: ID): ServiceError {
  const incarnation = id.uid === "" ? "" : ` with uid ${id.uid}`;
  return new ServiceError({
    code: Code.NotFound,
    reason: "RESOURCE_NOT_FOUND",
    message: `resource not found: ${idText(id)}${incarnation}`,
  });
}

/** The caller's version is not the stored one; absent is told as no current version. */
export function versionMismatch(id: ID, given: string, current: StoredRecord | undefined): ServiceError {
  return new ServiceError({
    code: Code.Aborted,
    reason: "VERSION_MISMATCH",
    message:
      current === undefined
        ? `version mismatch: ${idText(id)} does not exist, the request expects version ${given}; leave the version out to create it`
        : `version mismatch: ${idText(id)} has version ${current.version}, the request expects ${given}; read it again and repeat`,
    metadata: current === undefined ? {} : { current_version: String(current.version) },
  });
}

/** The caller pinned another incarnation. */
export function uidMismatch(id: ID, current: StoredRecord): ServiceError {
  return new ServiceError({
    code: Code.FailedPrecondition,
    reason: "UID_MISMATCH",
    message: `uid doesn't match: ${idText(id)} has uid ${current.uid}, the request names ${id.uid}; it was deleted and created again since`,
    metadata: { current_uid: current.uid },
  });
}

/** A create-only write found the name taken. */
export function alreadyExists(id: ID, current: StoredRecord): ServiceError {
  return new ServiceError({
    code: Code.AlreadyExists,
    reason: "ALREADY_EXISTS",
    message: `already exists: ${idText(id)}; leave out the condition that it must be new to replace it`,
    metadata: { current_version: String(current.version) },
  });
}

/** The resource is stored in a group version that cannot be turned into the asked one. `path` is where the request has its id. */
export function groupVersionMismatch(id: ID, stored: string, path: string): ServiceError {
  const requested = id.type?.groupVersion ?? "";
  const description = `resource was requested with GroupVersion=${requested} but is stored with GroupVersion=${stored}: ${idText(id)} has no conversion between them; ask for ${stored}`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "GROUP_VERSION_MISMATCH",
    message: description,
    metadata: { requested, stored },
    violations: [{ field: `${path}.type.group_version`, description }],
  });
}

/** A request's rule broken at one field, under a reason of its own. */
export function invalidField(reason: Reason, field: string, description: string): ServiceError {
  return new ServiceError({
    code: Code.InvalidArgument,
    reason,
    message: `${field}: ${description}`,
    violations: [{ field, description }],
  });
}

/** The caller may not do what it asked. */
export function permissionDenied(what: string, reason: string): ServiceError {
  return new ServiceError({
    code: Code.PermissionDenied,
    reason: "PERMISSION_DENIED",
    message: `permission denied: ${what}: ${reason}`,
  });
}

/** A hook of a type, or the authorizer, threw. The client learns which; the log has the cause. */
export function hookFailed(hook: string, type: string, cause: unknown): ServiceError {
  return new ServiceError({
    code: Code.Internal,
    reason: "HOOK_FAILED",
    message: `failed ${hook} of ${type}: its author finds the cause in the server's log`,
    cause,
  });
}

/** A defect of the server; nothing of it is told. */
export function internalError(cause: unknown, applied: "no" | "unknown" = "no"): ServiceError {
  return new ServiceError({
    code: Code.Internal,
    reason: "INTERNAL",
    message: "internal error: the server's log has the details",
    applied,
    cause,
  });
}

/** What the end of the caller's signal means: its deadline passed, or it went away. */
export function callEnded(signal: AbortSignal, applied: "no" | "unknown" = "no"): ServiceError {
  const code = ConnectError.from(signal.reason).code;
  const canceled = code === Code.Canceled;
  return new ServiceError({
    code: canceled ? Code.Canceled : Code.DeadlineExceeded,
    reason: "DEADLINE_EXCEEDED",
    message: canceled ? "the call was canceled" : "the deadline passed before the call was done",
    applied,
    cause: signal.reason,
  });
}

/** The API's word for what storage, another part, or a defect raised. `signal` tells why a wait ended. */
export function toServiceError(error: unknown, signal: AbortSignal): ServiceError {
  if (ServiceError.is(error)) return error;
  if (StorageError.is(error)) return fromStorage(error, signal);
  if (error instanceof ConnectError) return fromConnectError(error);
  if (signal.aborted) return callEnded(signal);
  return internalError(error);
}

const STORAGE_ERRORS: Readonly<Record<StorageError["code"], { code: Code; reason: Reason }>> = {
  invalid: { code: Code.InvalidArgument, reason: "INVALID_REQUEST" },
  unavailable: { code: Code.Unavailable, reason: "UNAVAILABLE" },
  "resource-exhausted": { code: Code.ResourceExhausted, reason: "LIMIT_REACHED" },
  "no-space": { code: Code.ResourceExhausted, reason: "NO_SPACE" },
  "outcome-unknown": { code: Code.Unknown, reason: "OUTCOME_UNKNOWN" },
  "store-changed": { code: Code.OutOfRange, reason: "STORE_CHANGED" },
  "version-not-reached": { code: Code.Unavailable, reason: "VERSION_NOT_REACHED" },
  "version-gone": { code: Code.OutOfRange, reason: "PAGE_EXPIRED" },
  "history-gone": { code: Code.OutOfRange, reason: "HISTORY_GONE" },
  "slow-watcher": { code: Code.ResourceExhausted, reason: "SLOW_WATCHER" },
  "watch-closed": { code: Code.Aborted, reason: "STORE_CHANGED" },
  unsupported: { code: Code.Unimplemented, reason: "NOT_IMPLEMENTED" },
  aborted: { code: Code.Canceled, reason: "DEADLINE_EXCEEDED" },
};

function fromStorage(error: StorageError, signal: AbortSignal): ServiceError {
  if (error.code === "aborted") return callEnded(signal);
  if (error.code === "outcome-unknown" && signal.aborted) return callEnded(signal, "unknown");
  const { code, reason } = STORAGE_ERRORS[error.code];
  return new ServiceError({
    code,
    reason,
    message: error.message,
    applied: error.code === "outcome-unknown" ? "unknown" : "no",
    ...(error.resumeVersion === undefined
      ? {}
      : { metadata: { resume_version: String(error.resumeVersion) } }),
    cause: error,
  });
}
