import { create } from "@bufbuild/protobuf";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { IDSchema, type Status } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { resourceType, type TypedResource } from "@trellis/resource";

import type { Index } from "../cache.ts";
import { createCacheView } from "../runtime/cache-view.ts";
import { cacheKey, type CacheChange, type IndexFailure, TypeCache } from "../runtime/type-cache.ts";

export const Album = resourceType(AlbumSchema);
export type AlbumResource = TypedResource<typeof AlbumSchema>;

/** What an album may be given beside its name and its data. */
export interface AlbumExtras {
  readonly partition?: string;
  readonly namespace?: string;
  /** The uid of the owner. */
  readonly owner?: string;
  readonly uid?: string;
  readonly version?: string;
  readonly generation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly status?: Readonly<Record<string, Status>>;
}

/** An album as a cache has it. */
export function album(
  name: string,
  data: { readonly title?: string; readonly yearOfRelease?: number; readonly tracks?: string[] } = {},
  extras: AlbumExtras = {},
): AlbumResource {
  const { partition = "default", namespace = "default", owner, uid = `uid-${name}` } = extras;
  const { version = "1", generation = "", metadata = {}, status = {} } = extras;
  const tenancy = { partition, namespace };
  return {
    id: create(IDSchema, { name, uid, tenancy }),
    owner: owner === undefined ? undefined : create(IDSchema, { name: "o", uid: owner, tenancy }),
    version,
    generation,
    metadata,
    status,
    data: create(AlbumSchema, data),
  };
}

/** A cache of albums, and how it is changed and looked at. */
export function createAlbumCache(...indexes: readonly Index<typeof AlbumSchema>[]) {
  const cache = new TypeCache(Album);
  const failures: IndexFailure[] = [];
  const failed = (failure: IndexFailure): void => void failures.push(failure);
  for (const one of indexes) cache.addIndex(one as unknown as Index);
  return {
    cache,
    failures,
    view: createCacheView("test", new Map([[Album.gvk, cache]])),
    put: (resource: TypedResource): CacheChange => cache.apply(cacheKey(resource), resource, failed),
    remove: (resource: TypedResource): CacheChange => cache.apply(cacheKey(resource), undefined, failed),
  };
}

/** The names of what was found. */
export function namesOf(found: readonly TypedResource[]): readonly string[] {
  return found.map(({ id }) => id.name);
}

/** The request for an album in the default tenancy. */
export function request(name: string) {
  return { partition: "default", namespace: "default", name };
}
