import { defaultTenancy, type ResourceType } from "@trellis/resource";

import type { Cache, TenancyFilter } from "../cache.ts";
import type { Request } from "../controller.ts";

/**
 * The same cache, asked with no more units of tenancy than the type has: `cache.get(Label, { ...request, name })` finds what lives in a partition though the request has a namespace, which
 * could find nothing.
 */
export function createScopedCache(cache: Cache): Cache {
  return {
    get: (type, name) => cache.get(type, nameIn(type, name)),
    list: (type, tenancy) => cache.list(type, tenancyIn(type, tenancy)),
    listByPrefix: (type, prefix, tenancy) => cache.listByPrefix(type, prefix, unitsIn(type, tenancy)),
    listByOwner: (type, owner) => cache.listByOwner(type, owner),
    byIndex: (index, key, tenancy) => cache.byIndex(index, key, tenancyIn(index.type, tenancy)),
    byIndexPrefix: (index, prefix, tenancy) =>
      cache.byIndexPrefix(index, prefix, tenancyIn(index.type, tenancy)),
    byIndexParents: (index, key, tenancy) => cache.byIndexParents(index, key, tenancyIn(index.type, tenancy)),
  };
}

/** A name without the units that the scope of its type has none of. */
export function nameIn({ scope }: Pick<ResourceType, "scope">, name: Request): Request {
  const units = defaultTenancy(scope);
  if (units.namespace !== "") return name;
  return { ...name, partition: units.partition === "" ? "" : name.partition, namespace: "" };
}

/** A filter without them: any. */
function tenancyIn({ scope }: Pick<ResourceType, "scope">, tenancy: TenancyFilter = {}): TenancyFilter {
  const units = defaultTenancy(scope);
  if (units.namespace !== "") return tenancy;
  return { partition: units.partition === "" ? undefined : tenancy.partition };
}

/** Units of which those are absent that the type has none of. */
function unitsIn(
  type: Pick<ResourceType, "scope">,
  tenancy: Required<TenancyFilter>,
): Required<TenancyFilter> {
  const { partition, namespace } = tenancyIn(type, tenancy);
  return { partition, namespace };
}
