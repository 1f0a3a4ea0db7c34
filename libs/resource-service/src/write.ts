import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type ID, type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteRequest,
  WriteRequest_Mode,
  WriteRequestSchema,
  type WriteResponse,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  DELETION_TIMESTAMP_KEY,
  FINALIZERS_KEY,
  finalizersOf,
  isMarkedForDeletion,
  statusMapEquals,
} from "@trellis/resource";
import type { StoredRecord, Version } from "@trellis/storage";

import { checkSystemType } from "./authorization.ts";
import type { Call } from "./call.ts";
import { judge } from "./candidate.ts";
import { planChecks, readVersion } from "./checks.ts";
import { checkDeletionRules, payloadEquals, sameMetadata } from "./deletion-rules.ts";
import type { Environment } from "./environment.ts";
import { alreadyExists, invalidField, resourceNotFound, uidMismatch, versionMismatch } from "./errors.ts";
import { presentAs } from "./group-version.ts";
import { checkMetadata } from "./metadata.ts";
import { mutate, type Plan, type PlannedOperation, type Planner } from "./mutate.ts";
import { keepOwner, resolveOwner, sameOwner } from "./owner.ts";
import { recordOf, resourceOf } from "./record.ts";
import { checkRequest } from "./rules.ts";
import { ServiceError } from "./service-error.ts";
import type { StateView } from "./state-view.ts";
import { type Target, targetOf } from "./target.ts";
import { isMarkedTenancy, markedTenancy, type TenancyState } from "./tenancy.ts";

/** Creates or replaces a resource. */
export async function write(
  environment: Environment,
  request: WriteRequest,
  call: Call,
): Promise<WriteResponse> {
  checkRequest(environment, WriteRequestSchema, request);
  return await mutate(environment, call, request.dryRun, await writePlanner(environment, call, request));
}

/** How a write is planned; `path` is where the request stands in a larger one. Its structure was checked before. */
export async function writePlanner(
  environment: Environment,
  call: Call,
  request: WriteRequest,
  path = "",
): Promise<Planner<WriteResponse>> {
  const input = request.resource ?? create(ResourceSchema);
  const target = targetOf(environment, call, input.id, `${path}resource.id`);
  checkSystemType(call, target.registration);
  checkMetadata(input.metadata, `${path}resource.metadata`);
  const version = input.version === "" ? undefined : readVersion(input.version, `${path}resource.version`);
  const checks = await planChecks(environment, call, request.preconditions, `${path}preconditions`);
  return async (view) => {
    const stored = await view.stored(target.key);
    checkIdentity(target, stored, version, request.mode);
    const plan =
      stored === undefined
        ? await planCreate(environment, call, view, target, input)
        : await planUpdate(environment, call, view, target, input, stored, version !== undefined);
    return { ...plan, operations: [...checks, ...plan.operations] };
  };
}

/** What the caller says of the resource that it expects. */
function checkIdentity(
  target: Target,
  stored: StoredRecord | undefined,
  version: Version | undefined,
  mode: WriteRequest_Mode,
): void {
  const { id } = target;
  if (stored === undefined) {
    if (mode === WriteRequest_Mode.UPDATE) throw resourceNotFound(id);
    if (version !== undefined) throw versionMismatch(id, String(version), undefined);
    return;
  }
  if (mode === WriteRequest_Mode.CREATE) throw alreadyExists(id, stored);
  if (id.uid !== "" && id.uid !== stored.uid) throw uidMismatch(id, stored);
  if (version !== undefined && version !== stored.version) throw versionMismatch(id, String(version), stored);
}

async function planCreate(
  environment: Environment,
  call: Call,
  view: StateView,
  target: Target,
  input: Resource,
): Promise<Plan<WriteResponse>> {
  if (Object.keys(input.status).length > 0) throw statusImmutable();
  if (isMarkedForDeletion(input.metadata)) {
    throw invalidField(
      "DELETION_RULE",
      "resource.metadata",
      "deletionTimestamp can't be set on resource creation; create it, then delete it",
    );
  }
  const owner = await resolveOwner(environment, call, view, input.owner);
  const { data } = input;
  const draft = create(ResourceSchema, {
    id: { ...target.id, uid: environment.ulid() },
    ...(owner === undefined ? {} : { owner: owner.id }),
    metadata: { ...input.metadata },
    ...(data === undefined ? {} : { data }),
  });
  const { resource, tenancy } = await judge(environment, call, target, draft, undefined);
  if (isMarkedTenancy(tenancy)) throw markedTenancy(target.units, "tenancy marked for deletion");
  const guards = environment.tenancy.guards(target.units).map(({ key }): PlannedOperation => ({
    operation: { kind: "check", key, preconditions: [{ kind: "live" }] },
  }));
  // A mutate hook may have chosen another owner, or the first one.
  const chosen =
    resource.owner === draft.owner ? owner : await resolveOwner(environment, call, view, resource.owner);
  const final = withOwner(resource, chosen?.id);
  return put(environment, view, target, final, undefined, [...guards, ...(chosen?.operations ?? [])]);
}

async function planUpdate(
  environment: Environment,
  call: Call,
  view: StateView,
  target: Target,
  input: Resource,
  stored: StoredRecord,
  comparing: boolean,
): Promise<Plan<WriteResponse>> {
  const existing = resourceOf(stored);
  const previous = (await presentAs(target.registration, stored)) ?? existing;
  if (Object.keys(input.status).length > 0 && !statusMapEquals(input.status, existing.status))
    throw statusImmutable();
  // What names the stored owner stands for it; what does not may still be completed by a mutate hook, so it is judged after that.
  const owner = sameOwner(input.owner, existing.owner, target, call) ? existing.owner : input.owner;
  const { data } = input;
  const draft = create(ResourceSchema, {
    id: { ...target.id, uid: stored.uid },
    ...(owner === undefined ? {} : { owner }),
    metadata: comparing ? { ...input.metadata } : withDeletionMetadata(input.metadata, existing.metadata),
    status: existing.status,
    ...(data === undefined ? {} : { data }),
  });
  const judged = await judge(environment, call, target, draft, previous);
  const { tenancy } = judged;
  const resource = withOwner(judged.resource, keepOwner(judged.resource.owner, existing.owner, target, call));
  if (isUnchanged(resource, existing)) return unchanged(view, target, stored, previous);
  checkEnding(existing, resource, target, tenancy);
  if (isMarkedForDeletion(resource.metadata) && finalizersOf(resource.metadata).size === 0) {
    return remove(view, target, resource, stored);
  }
  return put(environment, view, target, resource, stored, []);
}

function withOwner(resource: Resource, owner: ID | undefined): Resource {
  return owner === undefined || owner === resource.owner
    ? resource
    : create(ResourceSchema, { ...resource, owner });
}

function checkEnding(existing: Resource, resource: Resource, target: Target, tenancy: TenancyState): void {
  const kind = checkDeletionRules(existing, resource);
  if (kind === "ordinary" && isMarkedTenancy(tenancy))
    throw markedTenancy(target.units, "cannot write resource when tenancy marked for deletion");
}

/** Who writes without a version does not mean to take back a deletion, or a finalizer that it may not know of. */
function withDeletionMetadata(
  metadata: Readonly<Record<string, string>>,
  existing: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept: Record<string, string> = { ...metadata };
  for (const key of [DELETION_TIMESTAMP_KEY, FINALIZERS_KEY]) {
    const value = existing[key];
    if (value !== undefined && !Object.hasOwn(metadata, key)) kept[key] = value;
  }
  return kept;
}

/** Whether a write asks for what is stored. The owner is the same already, and the status is not a write's to change. */
function isUnchanged(next: Resource, existing: Resource): boolean {
  return (
    next.id?.type?.groupVersion === existing.id?.type?.groupVersion &&
    sameMetadata(next, existing) &&
    payloadEquals(next, existing)
  );
}

function put(
  environment: Environment,
  view: StateView,
  target: Target,
  resource: Resource,
  stored: StoredRecord | undefined,
  before: readonly PlannedOperation[],
): Plan<WriteResponse> {
  const next = create(ResourceSchema, { ...resource, version: "", generation: environment.ulid() });
  const record = recordOf(next);
  view.plan(target.key, record);
  const precondition =
    stored === undefined
      ? ({ kind: "absent" } as const)
      : ({ kind: "version", version: stored.version } as const);
  return {
    operations: [
      ...before,
      { operation: { kind: "put", key: target.key, record, preconditions: [precondition] } },
    ],
    answer: (version) =>
      create(WriteResponseSchema, {
        resource: { ...next, version: String(version ?? stored?.version ?? "") },
        outcome: stored === undefined ? WriteResponse_Outcome.CREATED : WriteResponse_Outcome.UPDATED,
      }),
  };
}

function remove(
  view: StateView,
  target: Target,
  resource: Resource,
  stored: StoredRecord,
): Plan<WriteResponse> {
  view.plan(target.key, undefined);
  const operation = {
    kind: "delete",
    key: target.key,
    preconditions: [{ kind: "version", version: stored.version }],
  } as const;
  return {
    operations: [{ operation }],
    answer: () =>
      create(WriteResponseSchema, {
        resource: { ...resource, generation: stored.generation, version: String(stored.version) },
        outcome: WriteResponse_Outcome.DELETED,
      }),
  };
}

function unchanged(
  view: StateView,
  target: Target,
  stored: StoredRecord,
  shown: Resource,
): Plan<WriteResponse> {
  view.plan(target.key, stored);
  const operation = {
    kind: "check",
    key: target.key,
    preconditions: [{ kind: "version", version: stored.version }],
  } as const;
  return {
    operations: [{ operation }],
    answer: () =>
      create(WriteResponseSchema, {
        resource: { ...shown, version: String(stored.version) },
        outcome: WriteResponse_Outcome.UNCHANGED,
      }),
  };
}

function statusImmutable(): ServiceError {
  const description =
    "resource.status can only be set using the WriteStatus endpoint; leave it out, or send what was read";
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "STATUS_IMMUTABLE",
    message: description,
    violations: [{ field: "resource.status", description }],
  });
}
