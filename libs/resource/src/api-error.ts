import { type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@trellis/protos/google/rpc/error_details_pb";

import { errorCatalogue, type Reason } from "./error-catalogue.ts";
import { shortened } from "./shortened.ts";

/** The `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "trellis.dev";

/**
 * The longest texts of an error, in UTF-16 code units. What a caller sent may be part of them, and gRPC carries errors in trailers, of which clients
 * take a few kilobytes.
 */
const MAX_MESSAGE = 2_048;
const MAX_DESCRIPTION = 1_024;
const MAX_NAME = 512;
/** UTF-8 bytes of all texts of an error. */
const MAX_ERROR_BYTES = 32 * 1024;
/** What protobuf adds to the texts of one violation, in bytes, and a little more. */
const VIOLATION_OVERHEAD_BYTES = 12;

/** In the metadata of an error that has not all violations: how many are left out. */
export const VIOLATIONS_LEFT_OUT = "violations_left_out";

/** One broken rule of a request: the proto field path, and what was expected and found. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What an error of the API tells. */
export interface ApiErrorInit {
  readonly reason: Reason;
  /** What was expected, what was found, what to do. */
  readonly message: string;
  /** The RPC code; the reason's own when absent. */
  readonly code?: Code | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Everything that is wrong with the request's fields, at once. */
  readonly violations?: readonly FieldViolation[] | undefined;
  /** When trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * An error as every protocol of the API carries it (API.md §3): ErrorInfo, and BadRequest and RetryInfo where they apply. Long texts lose their middle;
 * violations that do not fit are left out, and `metadata.violations_left_out` says how many.
 */
export function apiError(init: ApiErrorInit): ConnectError {
  const { reason, retryAfterMs, cause } = init;
  const message = shortened(init.message, MAX_MESSAGE).toWellFormed();
  const violations = (init.violations ?? []).map(({ field, description }) => ({
    field: shortened(field, MAX_NAME).toWellFormed(),
    description: shortened(description, MAX_DESCRIPTION).toWellFormed(),
  }));
  const { fitting, metadata } = fit(message, shortenedValues(init.metadata ?? {}), violations);
  const details: Detail[] = [
    detail(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata }),
    ...(fitting.length === 0 ? [] : [detail(BadRequestSchema, { fieldViolations: [...fitting] })]),
    ...(retryAfterMs === undefined
      ? []
      : [detail(RetryInfoSchema, { retryDelay: durationOf(retryAfterMs) })]),
  ];
  return new ConnectError(message, init.code ?? errorCatalogue[reason].code, undefined, details, cause);
}

/**
 * The same error with fewer violations, so that its texts have about `maxBytes` of UTF-8; one violation stays at any rate. For places that have less room
 * than a body has. An error that is not the API's stays as it is.
 */
export function errorWithin(error: ConnectError, maxBytes: number): ConnectError {
  const reason = errorReason(error);
  if (reason === undefined) return error;
  const { fitting, metadata } = fit(error.rawMessage, errorMetadata(error), errorViolations(error), maxBytes);
  return apiError({
    reason: reason as Reason,
    code: error.code,
    message: error.rawMessage,
    metadata,
    violations: fitting,
    retryAfterMs: errorRetryAfterMs(error),
    cause: error,
  });
}

/** The first violations, as many as fit beside an error's other texts, and the metadata that tells of the others. */
function fit(
  message: string,
  metadata: Readonly<Record<string, string>>,
  violations: readonly FieldViolation[],
  maxBytes = MAX_ERROR_BYTES,
): { readonly fitting: readonly FieldViolation[]; readonly metadata: Record<string, string> } {
  let room = maxBytes - bytesOf(message, ...Object.entries(metadata).flat());
  const fitting: FieldViolation[] = [];
  for (const violation of violations) {
    room -= bytesOf(violation.field, violation.description) + VIOLATION_OVERHEAD_BYTES;
    if (room < 0 && fitting.length > 0) break;
    fitting.push(violation);
  }
  const leftOut = violations.length - fitting.length;
  if (leftOut === 0) return { fitting, metadata: { ...metadata } };
  const total = leftOut + Number(metadata[VIOLATIONS_LEFT_OUT] ?? 0);
  return { fitting, metadata: { ...metadata, [VIOLATIONS_LEFT_OUT]: String(total) } };
}

function bytesOf(...texts: readonly string[]): number {
  const encoder = new TextEncoder();
  return texts.reduce((sum, text) => sum + encoder.encode(text).byteLength, 0);
}

/** An error's reason ("VERSION_MISMATCH"); undefined for errors that are not the API's. */
export function errorReason(error: unknown): string | undefined {
  return errorInfo(error)?.reason;
}

/** An error's metadata; empty for errors that are not the API's. */
export function errorMetadata(error: unknown): Readonly<Record<string, string>> {
  return errorInfo(error)?.metadata ?? {};
}

/** Everything that was wrong with the request's fields; empty when the error is about something else. */
export function errorViolations(error: unknown): readonly FieldViolation[] {
  const [found] = detailsOf(error, BadRequestSchema);
  return found?.fieldViolations?.map(({ field, description }) => ({ field, description })) ?? [];
}

/** When trying again makes sense, in milliseconds; undefined when the error does not say. */
export function errorRetryAfterMs(error: unknown): number | undefined {
  const delay = detailsOf(error, RetryInfoSchema)[0]?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds ?? 0) * 1_000 + (delay.nanos ?? 0) / 1e6;
}

/** What a failed mutation says of its effect; undefined for other errors. */
export function errorApplied(error: unknown): "no" | "unknown" | undefined {
  const { applied } = errorMetadata(error);
  return applied === "no" || applied === "unknown" ? applied : undefined;
}

type Detail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc> & object): Detail {
  return { desc, value };
}

function shortenedValues(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, shortened(value, MAX_NAME).toWellFormed()]),
  );
}

function errorInfo(error: unknown) {
  const infos = detailsOf(error, ErrorInfoSchema);
  return infos.find(({ domain }) => domain === ERROR_DOMAIN);
}

/** The details of one kind, whether the error was made in this process or came over the wire. */
function detailsOf<Desc extends DescMessage>(
  error: unknown,
  schema: Desc,
): readonly Partial<MessageShape<Desc>>[] {
  return isConnectError(error) ? (error.findDetails(schema) as readonly Partial<MessageShape<Desc>>[]) : [];
}

/** Recognises the class across realms and copies of the package, where `instanceof` does not. */
export function isConnectError(error: unknown): error is ConnectError {
  if (error instanceof ConnectError) return true;
  return (
    typeof error === "object" &&
    error !== null &&
    (error as { name?: unknown }).name === "ConnectError" &&
    "findDetails" in error
  );
}

function durationOf(milliseconds: number): { seconds: bigint; nanos: number } {
  const whole = Math.floor(milliseconds / 1_000);
  return { seconds: BigInt(whole), nanos: Math.round((milliseconds - whole * 1_000) * 1e6) };
}
