import { create } from "@bufbuild/protobuf";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type DeleteRequest,
  DeleteRequestSchema,
  type DeleteResponse,
  DeleteResponse_Outcome,
  DeleteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { DELETION_TIMESTAMP_KEY, finalizersOf, isMarkedForDeletion } from "@trellis/resource";
import type { Operation } from "@trellis/storage";

import { authorize, checkSystemType } from "./authorization.ts";
import type { Call } from "./call.ts";
import { planChecks, readVersion } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { versionMismatch } from "./errors.ts";
import { presentAs } from "./group-version.ts";
import { mutate, type Plan, type Planner } from "./mutate.ts";
import { recordOf, resourceOf } from "./record.ts";
import { checkRequest } from "./rules.ts";
import { checkUnchanged } from "./state-view.ts";
import { targetOf } from "./target.ts";

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
  const version = request.version === "" ? undefined : readVersion(request.version, `${path}version`);
  const checks = await planChecks(environment, call, request.preconditions, `${path}preconditions`);
  const plan = (operation: Operation, outcome: DeleteResponse_Outcome): Plan<DeleteResponse> => ({
    operations: [...checks, { operation }],
    answer: () => create(DeleteResponseSchema, { outcome }),
  });

  return async (view) => {
    const stored = await view.stored(key);
    if (stored === undefined || (id.uid !== "" && id.uid !== stored.uid))
      return plan(checkUnchanged(key, stored), DeleteResponse_Outcome.ABSENT);
    const existing = resourceOf(stored);
    const shown = (await presentAs(registration, stored)) ?? existing;
    await authorize(environment, call, "write", registration, { resource: shown });
    if (version !== undefined && version !== stored.version)
      throw versionMismatch(id, String(version), stored);
    const preconditions = [{ kind: "version", version: stored.version }] as const;
    if (finalizersOf(existing.metadata).size === 0) {
      view.plan(key, undefined);
      return plan({ kind: "delete", key, preconditions }, DeleteResponse_Outcome.DELETED);
    }
    if (isMarkedForDeletion(existing.metadata))
      return plan({ kind: "check", key, preconditions }, DeleteResponse_Outcome.MARKED);
    const metadata = { ...existing.metadata, [DELETION_TIMESTAMP_KEY]: rfc3339(environment.clock.now()) };
    const record = recordOf(
      create(ResourceSchema, { ...existing, version: "", metadata, generation: environment.ulid() }),
    );
    view.plan(key, record);
    return plan({ kind: "put", key, record, preconditions }, DeleteResponse_Outcome.MARKED);
  };
}

/** A time as RFC 3339 in UTC, whole seconds. */
function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}
