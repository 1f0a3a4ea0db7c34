import { create, type UnknownField } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteResponse,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { type Key, type RecordInit, type StoredRecord, toVersion, type Version } from "@trellis/storage";

import type { Plan, PlannedOperation } from "./mutate.ts";
import { recordOf, resourceOf } from "./record.ts";
import { unchangedSince } from "./state-view.ts";
import { outcomeField, resourceField } from "./stored-form.ts";
import type { Writing } from "./writing.ts";

/** What a write stores, besides the resource. */
export interface Put {
  /** What it replaces; absent on creation. */
  readonly stored: StoredRecord | undefined;
  /** What the commit must find first. */
  readonly before: readonly PlannedOperation[];
  readonly outcome: WriteResponse_Outcome;
}

/** Plans that a resource is stored, with a new generation. */
export function planPut(writing: Writing, resource: Resource, put: Put): Plan<WriteResponse> {
  // A copy: an authorizer may keep what it was shown.
  const next: Resource = { ...resource, version: "", generation: writing.environment.ulid() };
  return planRecord(writing, recordOf(next), put, next);
}

/** Plans that a record is stored. `next` is the resource that it holds, where it is at hand. */
export function planRecord(
  { call, view, target }: Writing,
  record: RecordInit,
  put: Put,
  next?: Resource,
): Plan<WriteResponse> {
  view.plan(target.key, record);
  const preconditions = [unchangedSince(put.stored)];
  const step = { operation: { kind: "put", key: target.key, record, preconditions } } as const;
  return new PutPlan(put, put.before.concat(step), {
    key: target.key,
    record,
    next,
    inBinary: call.inBinary,
  });
}

/** What is stored, and how it is told. */
interface Stored {
  readonly key: Key;
  readonly record: RecordInit;
  readonly next: Resource | undefined;
  readonly inBinary: boolean;
}

/** A class, and no object with a closure: every write makes one. */
class PutPlan implements Plan<WriteResponse> {
  readonly operations: readonly PlannedOperation[];
  readonly #put: Put;
  readonly #stored: Stored;

  constructor(put: Put, operations: readonly PlannedOperation[], stored: Stored) {
    this.operations = operations;
    this.#put = put;
    this.#stored = stored;
  }

  answer(committed: Version | undefined): WriteResponse {
    const { stored, outcome } = this.#put;
    const { key, record, next, inBinary } = this.#stored;
    const version = String(committed ?? stored?.version ?? "");
    if (inBinary) return asStored([resourceField({ record, version }), outcomeField(outcome)]);
    const resource = next ?? resourceOf({ ...record, key, version: toVersion(0) });
    return create(WriteResponseSchema, { outcome, resource: { ...resource, version } });
  }
}

/** As `create` and `withStored` make it, at a fraction of the cost. */
function asStored(fields: UnknownField[]): WriteResponse {
  return {
    $typeName: WriteResponseSchema.typeName,
    outcome: WriteResponse_Outcome.UNSPECIFIED,
    $unknown: fields,
  };
}
