import { Code } from "@connectrpc/connect";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { Tenancy } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration, Violation } from "@trellis/registry";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION } from "@trellis/resource";
import { type Key, WILDCARD } from "@trellis/storage";

import { ServiceError } from "./service-error.ts";

/** A tenancy's two units; empty where the scope has none. */
export interface Units {
  readonly partition: string;
  readonly namespace: string;
}

/** How a unit stands: `marked` is being deleted and takes nothing new. */
export type UnitState = "live" | "marked" | "absent";

/** The states of a tenancy's units. A unit that is blank is `live`. */
export interface TenancyState {
  readonly partition: UnitState;
  readonly namespace: UnitState;
}

/** A resource that must be live when a commit adds something to a tenancy. */
export interface TenancyGuard {
  readonly unit: keyof Units;
  /** The unit's own resource: the commit checks that it is live. */
  readonly key: Key;
}

/** Knows which partitions and namespaces there are. */
export interface TenancyPolicy {
  /** How the units stand. May be stale: for a unit with a guard it decides reads only. */
  state(units: Units): TenancyState | Promise<TenancyState>;
  /** The units' own resources. Mutations judge a guarded unit by what is stored there, and a commit that adds to the tenancy checks that it is live. */
  guards(units: Units): readonly TenancyGuard[];
}

/** Knows partition `default` and namespace `default/default`, always live. */
export const defaultTenancyPolicy: TenancyPolicy = {
  state: ({ partition, namespace }) => ({
    partition: partition === "" || partition === DEFAULT_PARTITION ? "live" : "absent",
    namespace: namespace === "" || namespace === DEFAULT_NAMESPACE ? "live" : "absent",
  }),
  guards: () => [],
};

/** Fills blank units that the scope has with the caller's default. `*` is not blank. */
export function withDefaults(scope: Scope, tenancy: Tenancy | undefined, defaults: Units): Units {
  const partition = tenancy?.partition ?? "";
  const namespace = tenancy?.namespace ?? "";
  const hasPartition = scope === Scope.PARTITION || scope === Scope.NAMESPACE;
  return {
    partition: partition === "" && hasPartition ? defaults.partition : partition,
    namespace: namespace === "" && scope === Scope.NAMESPACE ? defaults.namespace : namespace,
  };
}

/** The units of a query: those that the scope has none of become empty, whether they were empty or `*`. */
export function queryUnits(scope: Scope, units: Units): Units {
  if (scope === Scope.CLUSTER) return { partition: "", namespace: "" };
  if (scope === Scope.PARTITION) return { partition: units.partition, namespace: "" };
  return units;
}

/** What a watch without a tenancy shows: everything of its scope. */
export function everywhere(scope: Scope): Units {
  return queryUnits(scope, { partition: WILDCARD, namespace: WILDCARD });
}

/** The units that a type's scope has none of, as violations. `wildcard` lets `*` pass there. */
export function scopeViolations(
  registration: Registration,
  tenancy: Tenancy | undefined,
  path: string,
  wildcard: boolean,
): Violation[] {
  const { scope, gvk } = registration.type;
  if (scope === Scope.NAMESPACE) return [];
  const forbidden: (keyof Units)[] =
    scope === Scope.CLUSTER ? ["partition", "namespace"] : scope === Scope.PARTITION ? ["namespace"] : [];
  return forbidden.flatMap((unit) => {
    const value = tenancy?.[unit] ?? "";
    if (value === "" || (wildcard && value === WILDCARD)) return [];
    const scopeName = scope === Scope.CLUSTER ? "cluster" : "partition";
    return [
      {
        field: `${path}.${unit}`,
        description: `${gvk} is ${scopeName}-scoped and cannot have a ${unit}, found "${value}"`,
      },
    ];
  });
}

/**
 * The error for a unit that does not exist; undefined when both do. `code` is the method's choice: NotFound where the resource is looked for,
 * InvalidArgument where it is written. `path` is where the request has its id.
 */
export function missingUnit(
  state: TenancyState,
  units: Units,
  code: typeof Code.NotFound | typeof Code.InvalidArgument,
  path: string,
): ServiceError | undefined {
  const unit =
    state.partition === "absent" ? "partition" : state.namespace === "absent" ? "namespace" : undefined;
  if (unit === undefined) return undefined;
  const text = unit === "partition" ? `"${units.partition}"` : `"${units.partition}/${units.namespace}"`;
  const message = `${unit} not found: ${text}`;
  return new ServiceError({
    code,
    reason: unit === "partition" ? "PARTITION_NOT_FOUND" : "NAMESPACE_NOT_FOUND",
    message,
    ...(code === Code.InvalidArgument
      ? { violations: [{ field: `${path}.tenancy.${unit}`, description: message }] }
      : {}),
  });
}

/** Whether a unit is being deleted. */
export function isMarkedTenancy(state: TenancyState): boolean {
  return state.partition === "marked" || state.namespace === "marked";
}

/** The error for something new in a tenancy that is being deleted. `path` is where the request has its id. */
export function markedTenancy(units: Units, what: string, path: string): ServiceError {
  const text = [units.partition, units.namespace].filter((unit) => unit !== "").join("/");
  const message = `${what}: "${text}" is being deleted; only statuses, deletions and the removal of finalizers pass`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "TENANCY_MARKED_FOR_DELETION",
    message,
    violations: [{ field: `${path}.tenancy`, description: message }],
  });
}
