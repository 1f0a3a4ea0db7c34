import { create } from "@bufbuild/protobuf";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type DeleteRequest,
  DeleteRequestSchema,
  type DeleteResponse,
  DeleteResponse_Outcome,
  DeleteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { DELETION_TIMESTAMP_KEY, finalizersOf, isMarkedForDeletion } from "@trellis/resource";
import type { Operation } from "@trellis/storage";

import type { Subject } from "./access.ts";
import { authorize, authorizeName, checkSystemType } from "./authorization.ts";
import { type Call, checkStore } from "./call.ts";
import { checkPlanners } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { versionMismatch } from "./errors.ts";
import { presentAs } from "./group-version.ts";
import { mutate, type Plan, type PlannedOperation, type Planner } from "./mutate.ts";
import { TypedStored } from "./payload.ts";
import { recordOf, resourceOf } from "./record.ts";
import { rfc3339 } from "./rfc3339.ts";
import { checkRequest } from "./rules.ts";
import { checkUnchanged } from "./state-view.ts";
import { targetOf } from "./target.ts";
import { tombstoneOf } from "./tombstone.ts";

/** Deletes a resource, or marks it when it has finalizers. */
export async function deleteResource(
  environment: Environment,
  request: DeleteRequest,
  call: Call,
): Promise<DeleteResponse> {
  checkRequest(environment, DeleteRequestSchema, request);
  return await mutate(environment, call, request.dryRun, await deletePlanner(environment, call, request));
}

/** How a deletion is planned; `path` is where the request stands in a larger one. */
export async function deletePlanner(
  environment: Environment,
  call: Call,
  request: DeleteRequest,
  path = "",
): Promise<Planner<DeleteResponse>> {
  const { registration, id, key } = targetOf(environment, call, request.id, `${path}id`);
  checkSystemType(call, registration);
  const { version } = request;
  checkStore(environment, call, version);
  const planChecks = await checkPlanners(environment, call, request.preconditions, `${path}preconditions`);

  return async (view) => {
    const checks = await planChecks(view);
    const plan = (
      operation: Operation,
      outcome: DeleteResponse_Outcome,
      after: readonly PlannedOperation[] = [],
    ): Plan<DeleteResponse> => ({
      operations: [...checks, { operation }, ...after],
      answer: () => create(DeleteResponseSchema, { outcome }),
    });
    const stored = await view.stored(key);
    if (stored === undefined || (id.uid !== "" && id.uid !== stored.uid)) {
      // A denial tells nothing, so it does not depend on whether there is something to delete.
      await authorizeName(environment, call, "write", registration, id, "delete");
      return plan(checkUnchanged(key, stored), DeleteResponse_Outcome.ABSENT);
    }
    const existing = resourceOf(stored);
    const shown = (await presentAs(registration, stored)) ?? existing;
    const metadata = { ...existing.metadata, [DELETION_TIMESTAMP_KEY]: rfc3339(environment.clock.now()) };
    const subject: Subject = {
      resource: deletionOf(shown, metadata),
      before: new TypedStored(registration.type, stored, shown),
    };
    await authorize(environment, call, "write", registration, subject, "delete");
    if (version !== "" && version !== String(stored.version)) throw versionMismatch(id, version, stored);
    const preconditions = [{ kind: "version", version: stored.version }] as const;
    if (finalizersOf(existing.metadata).size === 0) {
      view.plan(key, undefined);
      const after = tombstoneOf(environment, existing);
      return plan({ kind: "delete", key, preconditions }, DeleteResponse_Outcome.DELETED, after);
    }
    if (isMarkedForDeletion(existing.metadata))
      return plan({ kind: "check", key, preconditions }, DeleteResponse_Outcome.MARKED);
    const record = recordOf(
      create(ResourceSchema, { ...existing, version: "", metadata, generation: environment.ulid() }),
    );
    view.plan(key, record);
    return plan({ kind: "put", key, record, preconditions }, DeleteResponse_Outcome.MARKED);
  };
}

/** A deletion as an authorizer is asked about it: the marking that it begins with, even where it ends in the same commit. */
function deletionOf(stored: Resource, metadata: Resource["metadata"]): Resource {
  return isMarkedForDeletion(stored.metadata) ? stored : create(ResourceSchema, { ...stored, metadata });
}
