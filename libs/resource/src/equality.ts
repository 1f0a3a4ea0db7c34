import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  Condition,
  ID,
  Reference,
  Status,
  Tenancy,
  Type,
} from "@trellis/protos/trellis/resource/v1/resource_pb";

/** Compares two values of which each may be absent: equal when both are, or when neither is and their fields agree. */
function bothOr<T>(a: T | undefined, b: T | undefined, equal: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && equal(a, b);
}

/** Whether two types agree in group, version and kind. */
export function typeEquals(a: Type | undefined, b: Type | undefined): boolean {
  return bothOr(
    a,
    b,
    (x, y) => x.group === y.group && x.groupVersion === y.groupVersion && x.kind === y.kind,
  );
}

/** Whether two tenancies agree in both units. */
export function tenancyEquals(a: Tenancy | undefined, b: Tenancy | undefined): boolean {
  return bothOr(a, b, (x, y) => x.partition === y.partition && x.namespace === y.namespace);
}

/** Whether two ids name the same incarnation of the same name. */
export function idEquals(a: ID | undefined, b: ID | undefined): boolean {
  return bothOr(a, b, (x, y) => x.uid === y.uid && sameName(x, y));
}

/** Whether two references point to the same name and section. */
export function referenceEquals(a: Reference | undefined, b: Reference | undefined): boolean {
  return bothOr(a, b, (x, y) => x.section === y.section && sameName(x, y));
}

/** Whether a reference or id names the same resource as another, whatever incarnation or section. False when one is absent. */
export function namesSame(a: ID | Reference | undefined, b: ID | Reference | undefined): boolean {
  return a !== undefined && b !== undefined && sameName(a, b);
}

function sameName(a: ID | Reference, b: ID | Reference): boolean {
  return a.name === b.name && typeEquals(a.type, b.type) && tenancyEquals(a.tenancy, b.tenancy);
}

/** Whether two conditions agree in every field. */
export function conditionEquals(a: Condition | undefined, b: Condition | undefined): boolean {
  return bothOr(
    a,
    b,
    (x, y) =>
      x.type === y.type &&
      x.state === y.state &&
      x.reason === y.reason &&
      x.message === y.message &&
      referenceEquals(x.resource, y.resource),
  );
}

/** Whether two statuses say the same, conditions in order. `updatedAt: true` compares the times too; an absent one is the epoch. */
export function statusEquals(
  a: Status | undefined,
  b: Status | undefined,
  options: { readonly updatedAt: boolean },
): boolean {
  return bothOr(
    a,
    b,
    (x, y) =>
      x.observedGeneration === y.observedGeneration &&
      x.conditions.length === y.conditions.length &&
      x.conditions.every((condition, index) => conditionEquals(condition, y.conditions[index])) &&
      (!options.updatedAt || timeEquals(x.updatedAt, y.updatedAt)),
  );
}

/** Whether two maps have the same keys with equal statuses, times included. */
export function statusMapEquals(
  a: Readonly<Record<string, Status>> | undefined,
  b: Readonly<Record<string, Status>> | undefined,
): boolean {
  const left = a ?? {};
  const right = b ?? {};
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && statusEquals(left[key], right[key], { updatedAt: true }))
  );
}

function timeEquals(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return (a?.seconds ?? 0n) === (b?.seconds ?? 0n) && (a?.nanos ?? 0) === (b?.nanos ?? 0);
}
