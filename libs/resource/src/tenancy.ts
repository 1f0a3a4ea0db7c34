import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

/** Where a name lives; a unit that the scope does not have is empty. */
export interface TenancyUnits {
  readonly partition: string;
  readonly namespace: string;
}

/** The partition that stands for a blank one. */
export const DEFAULT_PARTITION = "default";
/** The namespace that stands for a blank one. */
export const DEFAULT_NAMESPACE = "default";

/** The default tenancy of a scope: `{}` for a cluster-scoped type, and so on. */
export function defaultTenancy(scope: Scope): TenancyUnits {
  if (scope === Scope.NAMESPACE) return { partition: DEFAULT_PARTITION, namespace: DEFAULT_NAMESPACE };
  return { partition: scope === Scope.PARTITION ? DEFAULT_PARTITION : "", namespace: "" };
}

/**
 * Completes the tenancy of something that another resource names (an owner, a reference) from the one that names it. `scope` is the default
 * tenancy of the named type's scope: a unit that it leaves blank is blank. A blank partition is the parent's; a blank namespace is the
 * parent's when the partitions agree, else the default.
 */
export function completeTenancy(
  item: Partial<TenancyUnits> | undefined,
  parent: Partial<TenancyUnits> | undefined,
  scope: TenancyUnits,
): TenancyUnits {
  const from = parent === undefined ? scope : completeTenancy(parent, undefined, scope);
  if (scope.partition === "") return { partition: "", namespace: "" };
  const partition = blankTo(item?.partition, from.partition);
  if (scope.namespace === "") return { partition, namespace: "" };
  const inherited = partition === from.partition ? from.namespace : scope.namespace;
  return { partition, namespace: blankTo(item?.namespace, inherited) };
}

function blankTo(value: string | undefined, fallback: string): string {
  return value === undefined || value === "" ? fallback : value;
}
