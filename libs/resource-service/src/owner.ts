import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type ID, IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { idText } from "@trellis/resource";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import { ServiceError } from "./service-error.ts";
import type { StateView } from "./state-view.ts";
import { type Target, targetOf } from "./target.ts";
import { withDefaults } from "./tenancy.ts";

/** A new resource's owner: which incarnation, and the step that makes sure of it inside the commit. */
export interface ResolvedOwner {
  readonly id: ID;
  readonly operations: readonly PlannedOperation[];
}

/**
 * Finds the incarnation that a new resource's owner names. Throws `OWNER_NOT_FOUND` when there is none, or when the given uid is another's.
 * The commit checks that it is still there: a resource never outlives an owner that was gone before it.
 */
export async function resolveOwner(
  environment: Environment,
  call: Call,
  view: StateView,
  owner: ID | undefined,
): Promise<ResolvedOwner | undefined> {
  if (owner === undefined) return undefined;
  const { id, key } = targetOf(environment, call, owner, "resource.owner");
  const record = await view.latest(key);
  if (record === undefined || (id.uid !== "" && id.uid !== record.uid)) throw ownerNotFound(id);
  const complete = create(IDSchema, { ...id, uid: record.uid });
  const operation = { kind: "check", key, preconditions: [{ kind: "exists", uid: record.uid }] } as const;
  return { id: complete, operations: [{ operation }] };
}

/** The owner of an update: what is stored. Throws `OWNER_IMMUTABLE` when the request names another one, or none where there is one. */
export function keepOwner(
  given: ID | undefined,
  existing: ID | undefined,
  target: Target,
  call: Call,
): ID | undefined {
  if (given === undefined && existing === undefined) return undefined;
  if (sameOwner(given, existing, target, call)) return existing;
  const found = given === undefined ? "the request names none" : `the request names ${idText(given)}`;
  const description = `owner cannot be changed: ${existing === undefined ? "there is none" : `it is ${idText(existing)}`}, ${found}; delete the resource and create it again`;
  throw new ServiceError({
    code: Code.InvalidArgument,
    reason: "OWNER_IMMUTABLE",
    message: `resource.owner: ${description}`,
    violations: [{ field: "resource.owner", description }],
  });
}

/** Whether a request's owner names the stored one; blank parts of it stand for what they default to. */
export function sameOwner(
  given: ID | undefined,
  existing: ID | undefined,
  target: Target,
  call: Call,
): boolean {
  if (given === undefined || existing === undefined) return false;
  const scope = target.registration.type.scope;
  const units = withDefaults(scope, given.tenancy, call.identity.defaultTenancy);
  return (
    given.name === existing.name &&
    (given.uid === "" || given.uid === existing.uid) &&
    given.type?.group === existing.type?.group &&
    given.type?.kind === existing.type?.kind &&
    blankOr(given.tenancy?.partition, existing.tenancy?.partition, units.partition) &&
    blankOr(given.tenancy?.namespace, existing.tenancy?.namespace, units.namespace)
  );
}

/** A blank unit stands for the caller's default, or for a unit that the owner's scope has none of. */
function blankOr(given: string | undefined, existing: string | undefined, fallback: string): boolean {
  if (given === undefined || given === "")
    return existing === undefined || existing === "" || existing === fallback;
  return given === existing;
}

function ownerNotFound(id: ID): ServiceError {
  const description = `resource.owner does not exist: ${idText(id)}${id.uid === "" ? "" : ` with uid ${id.uid}`}; create it first`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "OWNER_NOT_FOUND",
    message: description,
    violations: [{ field: "resource.owner", description }],
  });
}
