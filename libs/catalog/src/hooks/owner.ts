import { create } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import {
  type ID,
  IDSchema,
  type Tenancy,
  TenancySchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  idText,
  namesSame,
  type ResourceType,
  tenancyEquals,
  type TypedResource,
  typeEquals,
} from "@trellis/resource";

/** A rule about the owner that is broken: which field, and what was expected and found. */
interface OwnerViolation {
  readonly field: string;
  readonly description: string;
}

/** The id of a resource of `type` in the tenancy of another one: its partition, and its namespace where the type has one. */
export function idBeside(resource: TypedResource, type: ResourceType, name: string): ID {
  const { group, groupVersion, kind, scope } = type;
  const { partition = "", namespace = "" } = resource.id.tenancy ?? {};
  const tenancy = { partition, namespace: scope === Scope.NAMESPACE ? namespace : "" };
  return create(IDSchema, { type: { group, groupVersion, kind }, tenancy, name });
}

/** What to replace so that an owner of `type` whose tenancy was left out is looked for beside the resource. */
export function completeOwner(next: TypedResource, type: ResourceType): { readonly owner: ID } | undefined {
  const { owner } = next;
  if (owner === undefined || !typeEquals(owner.type, idBeside(next, type, "").type)) return undefined;
  const completed = idBeside(next, type, owner.name);
  completed.uid = owner.uid;
  completed.tenancy = completedTenancy(owner.tenancy, completed.tenancy);
  return tenancyEquals(completed.tenancy, owner.tenancy) ? undefined : { owner: completed };
}

/** Every broken part of the rule that the owner is of `type` and in the same tenancy, and, when `name` is given, has that name. */
export function ownerViolations(
  next: TypedResource,
  type: ResourceType,
  name?: string,
): readonly OwnerViolation[] {
  const { owner } = next;
  const expected = idBeside(next, type, name ?? owner?.name ?? "");
  if (owner === undefined) {
    return [{ field: "owner", description: `is required: a ${type.kind} in the same tenancy` }];
  }
  if (namesSame(owner, expected)) return [];
  const what = `${type.gvk}${name === undefined ? "" : ` "${name}"`}`;
  return [{ field: "owner", description: `must be a ${what} in the same tenancy, found ${idText(owner)}` }];
}

function completedTenancy(given: Tenancy | undefined, beside: Tenancy | undefined): Tenancy {
  return create(TenancySchema, {
    partition: given?.partition || (beside?.partition ?? ""),
    namespace: given?.namespace || (beside?.namespace ?? ""),
  });
}
