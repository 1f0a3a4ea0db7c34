import { create } from "@bufbuild/protobuf";
import { type ID, type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteResponse,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { isMarkedForDeletion } from "@trellis/resource";

import { type Draft, judge } from "./candidate.ts";
import { invalidField } from "./errors.ts";
import type { Plan } from "./mutate.ts";
import { type ResolvedOwner, resolveOwner } from "./owner.ts";
import { ServiceError } from "./service-error.ts";
import { isMarkedTenancy, markedTenancy } from "./tenancy.ts";
import { guardOperations } from "./tenancy-guards.ts";
import { planPut } from "./write-put.ts";
import { statusImmutable, type Writing } from "./writing.ts";

/** An owner that was found, or why there is none. */
type FoundOwner = ResolvedOwner | ServiceError | undefined;

/** A creation as its type is asked about it, and its owner. */
export async function creationDraft(writing: Writing): Promise<{ draft: Draft; owner: FoundOwner }> {
  const { environment, target, input, payload } = writing;
  const owner = await findOwner(writing, input.owner);
  const named = owner === undefined || ServiceError.is(owner) ? input.owner : owner.id;
  const resource = create(ResourceSchema, {
    id: { ...target.id, uid: environment.ulid() },
    ...(named === undefined ? {} : { owner: named }),
    metadata: { ...input.metadata },
    ...(payload.any === undefined ? {} : { data: payload.any }),
  });
  return { draft: { writing, resource, payload, previous: undefined, before: undefined }, owner };
}

/** Plans a creation. Throws what the type refuses, then what no creation may have. */
export async function planCreate(writing: Writing): Promise<Plan<WriteResponse>> {
  const { environment, target, path } = writing;
  const { draft, owner } = await creationDraft(writing);
  const { draft: judged, tenancy } = await judge(draft);
  const { resource } = judged;
  if (isMarkedTenancy(tenancy))
    throw markedTenancy(target.units, "tenancy marked for deletion", `${path}.id`);
  // A mutate hook may have chosen another owner, or the first one.
  const chosen = resource.owner === draft.resource.owner ? owner : await findOwner(writing, resource.owner);
  const refusal = refuseCreation(writing, resource, chosen);
  if (refusal !== undefined) throw refusal;
  const { id, operations = [] } = (chosen as ResolvedOwner | undefined) ?? {};
  const next = id === undefined ? resource : create(ResourceSchema, { ...resource, owner: id });
  return planPut(writing, next, {
    stored: undefined,
    before: [...guardOperations(environment, target.units), ...operations],
    outcome: WriteResponse_Outcome.CREATED,
  });
}

/** Why a resource cannot be created as it is; undefined when it can. */
export function refuseCreation(
  { input, path }: Writing,
  resource: Resource,
  owner: FoundOwner,
): ServiceError | undefined {
  if (Object.keys(input.status).length > 0) return statusImmutable(path);
  if (isMarkedForDeletion(resource.metadata)) {
    return invalidField(
      "DELETION_RULE",
      `${path}.metadata`,
      "deletionTimestamp can't be set on resource creation; create it, then delete it",
    );
  }
  return ServiceError.is(owner) ? owner : undefined;
}

/** Whether an owner exists is told only after the caller was found to be allowed to write, so a refusal is kept for later. */
async function findOwner(writing: Writing, owner: ID | undefined): Promise<FoundOwner> {
  const { environment, call, view, target, path } = writing;
  try {
    return await resolveOwner(environment, call, view, owner, target, `${path}.owner`);
  } catch (error) {
    if (ServiceError.is(error)) return error;
    throw error;
  }
}
