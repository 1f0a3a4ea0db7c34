import type { DescMessage } from "@bufbuild/protobuf";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TypedResource } from "@trellis/resource";

import type { Index, TenancyFilter } from "./cache.ts";
import type { ByReader, Request } from "./controller.ts";
import type { Mapper } from "./mapper.ts";

/** Asks for the name that an id has. */
export function requestOf({ tenancy, name }: ID): Request {
  return { partition: tenancy?.partition ?? "", namespace: tenancy?.namespace ?? "", name };
}

/** A change concerns the managed resource that owns the changed one. */
export function byOwner(): Mapper {
  return ({ resource: { owner }, managed }) =>
    owner !== undefined && owner.type?.group === managed.group && owner.type.kind === managed.kind
      ? [requestOf(owner)]
      : [];
}

/**
 * A change concerns every name whose last run looked at what changed, through its cache: at the resource itself, at where it would be, or at a list or an index in which it is or was.
 * So a reference that moves needs no index: who looked at either end runs again.
 */
export function byReader(): ByReader {
  return { kind: "byReader" };
}

/** A change concerns the managed resource with the changed one's name and tenancy. */
export function byName(): Mapper {
  return ({ resource: { id } }) => [requestOf(id)];
}

/**
 * A change concerns the managed resources that an index of theirs finds under a key of the changed one: its name, unless `keyOf` says otherwise. They are looked for in the
 * changed one's tenancy, unless `tenancyOf` says otherwise.
 */
export function byIndex<Managed extends DescMessage, Watched extends DescMessage>(
  index: Index<Managed>,
  options: {
    readonly keyOf?: (resource: TypedResource<Watched>) => string;
    readonly tenancyOf?: (resource: TypedResource<Watched>) => TenancyFilter;
  } = {},
): Mapper<Watched> {
  const { keyOf = ({ id }) => id.name, tenancyOf = ({ id }) => tenancyFilterOf(id) } = options;
  return ({ resource, cache }) =>
    cache.byIndex(index, keyOf(resource), tenancyOf(resource)).map(({ id }) => requestOf(id));
}

/** The tenancy of an id; a unit that its scope has none of means any. */
function tenancyFilterOf({ tenancy }: ID): TenancyFilter {
  return { partition: tenancy?.partition || undefined, namespace: tenancy?.namespace || undefined };
}
