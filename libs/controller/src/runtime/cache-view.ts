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
    return keys.flatMap((key) => {
      const resource = inTenancy(key, tenancy) ? cache.get(key) : undefined;
      return resource === undefined ? [] : [resource as TypedResource<Desc>];
    });
  }
  return {
    get: <Desc extends DescMessage>(type: ResourceType<Desc>, name: Parameters<Cache["get"]>[1]) =>
      cacheOf(type).get(keyOf(name)) as TypedResource<Desc> | undefined,
    list: (type, tenancy) => pick(cacheOf(type), cacheOf(type).keys(), tenancy),
    listByPrefix: (type, prefix, { partition = "", namespace = "" }) =>
      pick(cacheOf(type), cacheOf(type).keysWithPrefix(keyOf({ partition, namespace, name: prefix }))),
    listByOwner: (type, owner) => pick(cacheOf(type), cacheOf(type).ownedBy(owner.uid)),
    byIndex: (index, key, tenancy) =>
      pick(cacheOf(index.type), cacheOf(index.type).indexed(index as Index, key), tenancy),
    byIndexParents(index, key, tenancy) {
      const cache = cacheOf(index.type);
      const keys = new Set<string>();
      for (let length = 0; length <= key.length; length++) {
        for (const found of cache.indexed(index as Index, key.slice(0, length))) keys.add(found);
      }
      return pick(cache, [...keys].sort(), tenancy);
    },
  };
}

function inTenancy(key: string, tenancy: TenancyFilter | undefined): boolean {
  if (tenancy === undefined) return true;
  const { partition, namespace } = requestFrom(key);
  return (
    (tenancy.partition === undefined || tenancy.partition === partition) &&
    (tenancy.namespace === undefined || tenancy.namespace === namespace)
  );
}
