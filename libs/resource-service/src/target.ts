import { Code } from "@connectrpc/connect";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import {
  type ID,
  IDSchema,
  TenancySchema,
  type Type,
  TypeSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";
import { completeTenancy, typeNameText } from "@trellis/resource";
import { type Key, keyString } from "@trellis/storage";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { keyOf } from "./record.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import { scopeViolations, type Units, withDefaults } from "./tenancy.ts";

/** What a request's id means: a registered type, and the id with its tenancy complete. */
export interface Target {
  readonly registration: Registration;
  readonly id: ID;
  readonly units: Units;
  readonly key: Key;
}

/** Types that an unknown one is compared with are told at most this many. */
const MAX_SUGGESTIONS = 3;

/** The registration of a request's type. Throws `TYPE_NOT_REGISTERED`, naming types that look alike. */
export function registrationOf(environment: Environment, type: Type | undefined, path: string): Registration {
  const registration = type && environment.registry.resolve(type);
  if (registration === undefined) throw unregistered(environment, type, path);
  return registration;
}

/** What is wrong with a type that is missing, or that nobody registered. */
function unregistered(environment: Environment, type: Type | undefined, path: string): ServiceError {
  if (type === undefined)
    return violationsError("INVALID_REQUEST", [{ field: path, description: "is required" }]);
  const alike = environment.registry
    .types()
    .filter((known) => known.type.kind.toLowerCase() === type.kind.toLowerCase())
    .slice(0, MAX_SUGGESTIONS)
    .map((known) => known.type.gvk);
  const hint =
    alike.length > 0
      ? `did you mean ${alike.join(" or ")}?`
      : 'TypeService.ListTypes ("trellis types") lists the known ones';
  const message = `resource type ${typeNameText(type)} not registered; ${hint}`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "TYPE_NOT_REGISTERED",
    message,
    violations: [{ field: path, description: message }],
  });
}

/**
 * Resolves a request's id, whose structure was checked before. Blank units are completed from `near`, the units of the resource that
 * names this one, or with the caller's defaults. Throws `TYPE_NOT_REGISTERED`, `WRONG_SCOPE`.
 */
export function targetOf(
  environment: Environment,
  call: Call,
  id: ID | undefined,
  path: string,
  near?: Units,
): Target {
  if (id === undefined)
    throw violationsError("INVALID_REQUEST", [{ field: path, description: "is required" }]);
  const { registration, units } = placeOf(environment, call, id, path, near);
  const { group, groupVersion, kind } = registration.type;
  // As `create` makes them, at a fraction of the cost: every call has one.
  const complete: ID = {
    $typeName: IDSchema.typeName,
    uid: id.uid,
    name: id.name,
    type: { $typeName: TypeSchema.typeName, group, groupVersion, kind },
    tenancy: { $typeName: TenancySchema.typeName, partition: units.partition, namespace: units.namespace },
  };
  return { registration, id: complete, units, key: keyOf(complete) };
}

/** The string form of the key of {@link targetOf}, for who needs nothing else of it. */
export function targetKeyString(environment: Environment, call: Call, id: ID, path: string): string {
  const { registration, units } = placeOf(environment, call, id, path);
  const { group, kind } = registration.type;
  const { partition, namespace } = units;
  return keyString({ group, kind, partition, namespace, name: id.name });
}

/** Where a resource is: its registered type, and its units. */
function placeOf(
  environment: Environment,
  call: Call,
  id: ID,
  path: string,
  near?: Units,
): Pick<Target, "registration" | "units"> {
  // As `registrationOf`, and with a look at the scope before `scopeViolations`: paths cost, and are made only for who is told of them.
  const registration = id.type && environment.registry.resolve(id.type);
  if (registration === undefined) throw unregistered(environment, id.type, `${path}.type`);
  const { scope } = registration.type;
  if (scope !== Scope.NAMESPACE) {
    const violations = scopeViolations(registration, id.tenancy, `${path}.tenancy`, false);
    if (violations.length > 0) throw violationsError("WRONG_SCOPE", violations);
  }
  const defaults = call.identity.defaultTenancy;
  const units =
    near === undefined || scope === Scope.UNDEFINED
      ? withDefaults(scope, id.tenancy, defaults)
      : completeTenancy(id.tenancy, near, withDefaults(scope, undefined, defaults));
  return { registration, units };
}
