export {
  type ApiErrorInit,
  apiError,
  ERROR_DOMAIN,
  errorApplied,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  errorWithin,
  type FieldViolation,
  isConnectError,
} from "./api-error.ts";
export {
  type BatchedStream,
  batchedStream,
  type BatchSink,
  type BatchSource,
  isBatched,
} from "./batched-stream.ts";
export { compareCodePoints, encodeCanonical } from "./canonical.ts";
export { isAborted, type LazyContext } from "./call-context.ts";
export { Linked, LinkedItems } from "./linked-items.ts";
export { type Clock, type Random, systemClock } from "./clock.ts";
export { DataError, decodeResource, messageNameOf } from "./decode.ts";
export {
  conditionEquals,
  idEquals,
  namesSame,
  referenceEquals,
  statusEquals,
  statusMapEquals,
  tenancyEquals,
  typeEquals,
} from "./equality.ts";
export { type ErrorKind, errorCatalogue, httpStatusOf, type Reason } from "./error-catalogue.ts";
export {
  DELETION_TIMESTAMP_KEY,
  FINALIZERS_KEY,
  finalizersOf,
  isMarkedForDeletion,
  RESERVED_METADATA_KEYS,
  withFinalizer,
  withoutFinalizer,
} from "./finalizers.ts";
export {
  CLUSTER_SECRET_HEADER,
  CONSISTENCY_HEADER,
  MIN_VERSION_HEADER,
  STORE_HEADER,
  TIMEOUT_HEADER,
  timeoutMsIn,
  VERSION_HEADER,
} from "./headers.ts";
export { jsonTextViolations } from "./json-text-violations.ts";
export { jsonViolations, type JsonViolationsOptions } from "./json-violations.ts";
export { isResourceName, MAX_NAME_LENGTH, NAME_PATTERN } from "./names.ts";
export { codeText, type Problem, type ProblemBody, problemDetails } from "./problem-details.ts";
export { compareReferences, idText, referenceTo } from "./references.ts";
export {
  checkTypeName,
  parseTypeName,
  type ResourceType,
  resourceType,
  type TypeName,
  typeNameText,
} from "./resource-type.ts";
export {
  MAX_SELECTOR_BYTES,
  MAX_SELECTOR_TERMS,
  matchesSelector,
  parseSelector,
  type Selector,
  SelectorError,
  type SelectorTerm,
} from "./selector.ts";
export { shortened } from "./shortened.ts";
export {
  completeTenancy,
  DEFAULT_NAMESPACE,
  DEFAULT_PARTITION,
  defaultTenancy,
  type TenancyUnits,
} from "./tenancy.ts";
export type { TypedResource } from "./typed-resource.ts";
export { createUlids, isUlid } from "./ulids.ts";
