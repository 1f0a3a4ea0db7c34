import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type ID, IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { completeTenancy, DEFAULT_NAMESPACE, DEFAULT_PARTITION, idText } from "@trellis/resource";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import { ServiceError } from "./service-error.ts";
import type { StateView } from "./state-view.ts";
import { type Target, targetOf } from "./target.ts";
import type { Units } from "./tenancy.ts";

/** A new resource's owner: which incarnation, and the step that makes sure of it inside the commit. */
export interface ResolvedOwner {
  readonly id: ID;
  readonly operations: readonly PlannedOperation[];
}

/**
 * Finds the incarnation that a new resource's owner names; blank parts of its tenancy are those of the resource. Throws `OWNER_NOT_FOUND` when
 * there is none, or when the given uid is another's.
 * The commit checks that it is still there: a resource never outlives an owner that was gone before it.
 */
export async function resolveOwner(
  environment: Environment,
  call: Call,
  view: StateView,
  owner: ID | undefined,
  child: Target,
  path: string,
): Promise<ResolvedOwner | undefined> {
  if (owner === undefined) return undefined;
  const { id, key } = targetOf(environment, call, owner, path, child.units);
  const record = await view.latest(key);
  if (record === undefined || (id.uid !== "" && id.uid !== record.uid)) throw ownerNotFound(id, path);
  const complete = create(IDSchema, { ...id, uid: record.uid });
  const operation = { kind: "check", key, preconditions: [{ kind: "exists", uid: record.uid }] } as const;
  return { id: complete, operations: [{ operation }] };
}

/** The owner of an update: what is stored. Throws `OWNER_IMMUTABLE` when the request names another one, or none where there is one. `resourcePath` is where the request has the resource. */
export function keepOwner(
  given: ID | undefined,
  existing: ID | undefined,
  child: Target,
  resourcePath: string,
): ID | undefined {
  if (given === undefined && existing === undefined) return undefined;
  if (sameOwner(given, existing, child.units)) return existing;
  const found = given === undefined ? "the request names none" : `the request names ${idText(given)}`;
  const description = `owner cannot be changed: ${existing === undefined ? "there is none" : `it is ${idText(existing)}`}, ${found}; delete the resource and create it again`;
  throw new ServiceError({
    code: Code.InvalidArgument,
    reason: "OWNER_IMMUTABLE",
    message: `${resourcePath}.owner: ${description}`,
    violations: [{ field: `${resourcePath}.owner`, description }],
  });
}

/** Whether a request's owner names the stored one, in whatever version of its group; blank units stand for those of the resource that it owns. */
export function sameOwner(given: ID | undefined, existing: ID | undefined, near: Units): boolean {
  if (given === undefined || existing === undefined) return false;
  // The stored owner's units tell its scope: where it has none, none is defaulted.
  const stored = {
    partition: existing.tenancy?.partition ?? "",
    namespace: existing.tenancy?.namespace ?? "",
  };
  const scope = {
    partition: stored.partition && DEFAULT_PARTITION,
    namespace: stored.namespace && DEFAULT_NAMESPACE,
  };
  const units = completeTenancy(given.tenancy, near, scope);
  return (
    given.name === existing.name &&
    (given.uid === "" || given.uid === existing.uid) &&
    given.type?.group === existing.type?.group &&
    given.type?.kind === existing.type?.kind &&
    units.partition === stored.partition &&
    units.namespace === stored.namespace
  );
}

function ownerNotFound(id: ID, path: string): ServiceError {
  const description = `${path} does not exist: ${idText(id)}${id.uid === "" ? "" : ` with uid ${id.uid}`}; create it first`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "OWNER_NOT_FOUND",
    message: description,
    violations: [{ field: path, description }],
  });
}
