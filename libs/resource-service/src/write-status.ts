import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  type Resource,
  ResourceSchema,
  type Status,
  StatusSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteStatusRequest,
  WriteStatusRequestSchema,
  type WriteStatusResponse,
  WriteStatusResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { statusEquals } from "@trellis/resource";

import { authorize, authorizeName, checkSystemType } from "./authorization.ts";
import { type Call, checkStore } from "./call.ts";
import { checkPlanners } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { groupVersionMismatch, invalidField, resourceNotFound, versionMismatch } from "./errors.ts";
import { presentAs } from "./group-version.ts";
import { MAX_STATUS_BYTES, MAX_STATUSES } from "./limits.ts";
import { mutate, type Planner } from "./mutate.ts";
import { recordOf, resourceOf, statusBytes } from "./record.ts";
import { checkRequest } from "./rules.ts";
import { checkStatusRequest } from "./status-rules.ts";
import { targetOf } from "./target.ts";
import { missingUnit } from "./tenancy.ts";
import { resourceField, withStored } from "./stored-form.ts";
import { tenancyState } from "./tenancy-guards.ts";

/** Replaces or removes one status. */
export async function writeStatus(
  environment: Environment,
  request: WriteStatusRequest,
  call: Call,
): Promise<WriteStatusResponse> {
  checkRequest(environment, WriteStatusRequestSchema, request);
  return await mutate(
    environment,
    call,
    request.dryRun,
    await writeStatusPlanner(environment, call, request),
  );
}

/** How the write of a status is planned; `path` is where the request stands in a larger one. */
export async function writeStatusPlanner(
  environment: Environment,
  call: Call,
  request: WriteStatusRequest,
  path = "",
): Promise<Planner<WriteStatusResponse>> {
  checkStatusRequest(request, path);
  const target = targetOf(environment, call, request.id, `${path}id`);
  const { registration, id, units, key } = target;
  checkSystemType(call, registration);
  const { version } = request;
  checkStore(environment, call, version);
  const planChecks = await checkPlanners(environment, call, request.preconditions, `${path}preconditions`);

  return async (view) => {
    const checks = await planChecks(view);
    const tenancy = await tenancyState(environment, view, units);
    const missing = missingUnit(tenancy, units, Code.InvalidArgument, `${path}id`);
    if (missing !== undefined) throw missing;
    const stored = await view.stored(key);
    if (stored === undefined || stored.uid !== id.uid) {
      await authorizeName(environment, call, "write", registration, id);
      throw resourceNotFound(id);
    }
    const shown = await presentAs(registration, stored);
    await authorize(environment, call, "write", registration, { resource: shown ?? resourceOf(stored) });
    if (version !== "" && version !== String(stored.version)) throw versionMismatch(id, version, stored);
    if (shown === undefined) throw groupVersionMismatch(id, stored.groupVersion, `${path}id`);
    const existing = resourceOf(stored);
    const status = changedStatus(existing, request, environment.clock.now(), path);
    const precondition = { kind: "version", version: stored.version } as const;
    if (status === undefined) {
      view.plan(key, stored);
      return {
        operations: [...checks, { operation: { kind: "check", key, preconditions: [precondition] } }],
        answer: () => create(WriteStatusResponseSchema, { resource: shown }),
      };
    }
    const record = recordOf(create(ResourceSchema, { ...existing, version: "", status }));
    view.plan(key, record);
    return {
      operations: [...checks, { operation: { kind: "put", key, record, preconditions: [precondition] } }],
      answer(applied) {
        const version = String(applied ?? stored.version);
        return call.inBinary && stored.groupVersion === registration.type.groupVersion
          ? withStored(create(WriteStatusResponseSchema), [resourceField({ record, version })])
          : create(WriteStatusResponseSchema, { resource: { ...shown, status, version } });
      },
    };
  };
}

/** The statuses after the request; undefined when it asks for what is stored, its time apart. */
function changedStatus(
  existing: Resource,
  { key, status, remove }: WriteStatusRequest,
  nowMs: number,
  path: string,
): Record<string, Status> | undefined {
  const present = Object.hasOwn(existing.status, key) ? existing.status[key] : undefined;
  if (remove) {
    if (present === undefined) return undefined;
    const { [key]: _, ...rest } = existing.status;
    return rest;
  }
  if (statusEquals(present, status, { updatedAt: false })) return undefined;
  const { observedGeneration = "", conditions = [] } = status ?? {};
  const next = {
    ...existing.status,
    [key]: create(StatusSchema, { observedGeneration, conditions, updatedAt: timestampFromMs(nowMs) }),
  };
  if (Object.keys(next).length > MAX_STATUSES) {
    throw invalidField(
      "INVALID_REQUEST",
      `${path}key`,
      `a resource has at most ${MAX_STATUSES} statuses; remove one with remove: true`,
    );
  }
  const bytes = statusBytes({ status: next });
  if (bytes > MAX_STATUS_BYTES) {
    throw invalidField(
      "REQUEST_TOO_LARGE",
      `${path}status`,
      `all statuses of a resource have at most ${MAX_STATUS_BYTES} bytes, found ${bytes}; write shorter messages, or remove a status with remove: true`,
    );
  }
  return next;
}
