import type { DescMessage } from "@bufbuild/protobuf";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Cache, Index, TenancyFilter } from "../cache.ts";
import { keyOf, requestFrom } from "./request-key.ts";
import type { TypeCache } from "./type-cache.ts";

/** What one controller may look at: the types that it manages and watches. */
export function createCacheView(controller: string, caches: ReadonlyMap<string, TypeCache>): Cache {
  function cacheOf(type: ResourceType): TypeCache {
    const cache = caches.get(type.gvk);
    if (cache !== undefined) return cache;
    throw new Error(
      `controller "${controller}" neither manages nor watches ${type.gvk}: add watch(${type.kind}, …) to read it from the cache`,
    );
  }
  function pick<Desc extends DescMessage>(
    cache: TypeCache,
    keys: readonly string[],
    tenancy?: TenancyFilter,
  ): TypedResource<Desc>[] {
    const picked: TypedResource<Desc>[] = [];
    for (const key of keys) {
      const resource = inTenancy(key, tenancy) ? cache.get(key) : undefined;
      if (resource !== undefined) picked.push(resource as TypedResource<Desc>);
    }
    return picked;
  }
  function lookUp<Desc extends DescMessage>(
    index: Index<Desc>,
    how: "find" | "findByPrefix" | "findParents",
    { key, tenancy }: { readonly key: string; readonly tenancy: TenancyFilter | undefined },
  ): TypedResource<Desc>[] {
    const cache = cacheOf(index.type);
    return pick(cache, cache.entriesOf(index as Index)[how](key), tenancy);
  }
  return {
    get: <Desc extends DescMessage>(type: ResourceType<Desc>, name: Parameters<Cache["get"]>[1]) =>
      cacheOf(type).get(keyOf(name)) as TypedResource<Desc> | undefined,
    list: <Desc extends DescMessage>(type: ResourceType<Desc>, tenancy?: TenancyFilter) => {
      const found = cacheOf(type).list(tenancyPrefix(tenancy)) as readonly TypedResource<Desc>[];
      return unitAsked(tenancy?.partition) === undefined && unitAsked(tenancy?.namespace) !== undefined
        ? found.filter(({ id }) => id.tenancy?.namespace === tenancy?.namespace)
        : found;
    },
    listByPrefix: <Desc extends DescMessage>(
      type: ResourceType<Desc>,
      prefix: string,
      tenancy: Required<TenancyFilter>,
    ) => cacheOf(type).list(namePrefix(prefix, tenancy)) as readonly TypedResource<Desc>[],
    listByOwner: (type, owner) => pick(cacheOf(type), cacheOf(type).ownedBy(owner.uid)),
    byIndex: (index, key, tenancy) => lookUp(index, "find", { key, tenancy }),
    byIndexPrefix: (index, prefix, tenancy) => lookUp(index, "findByPrefix", { key: prefix, tenancy }),
    byIndexParents: (index, key, tenancy) => lookUp(index, "findParents", { key, tenancy }),
  };
}

/** How the keys of the names begin that `listByPrefix` asks for. */
export function namePrefix(
  prefix: string,
  { partition = "", namespace = "" }: Required<TenancyFilter>,
): string {
  return keyOf({ partition, namespace, name: prefix });
}

/** Stands for any unit, as in the queries of a client. */
const ANY = "*";

/** A unit that a filter asks for; undefined for any. */
function unitAsked(unit: string | undefined): string | undefined {
  return unit === ANY ? undefined : unit;
}

/** As much of a tenancy as all keys in it begin with. */
function tenancyPrefix(tenancy: TenancyFilter = {}): string {
  const [partition, namespace] = [unitAsked(tenancy.partition), unitAsked(tenancy.namespace)];
  if (partition === undefined) return "";
  return namespace === undefined ? `${partition}\0` : keyOf({ partition, namespace, name: "" });
}

function inTenancy(key: string, tenancy: TenancyFilter = {}): boolean {
  const [partition, namespace] = [unitAsked(tenancy.partition), unitAsked(tenancy.namespace)];
  if (partition === undefined && namespace === undefined) return true;
  const units = requestFrom(key);
  return (
    (partition === undefined || units.partition === partition) &&
    (namespace === undefined || units.namespace === namespace)
  );
}
