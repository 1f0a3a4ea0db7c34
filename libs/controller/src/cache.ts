import type { DescMessage } from "@bufbuild/protobuf";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Request } from "./controller.ts";

/** A secondary index over the cached resources of a type: which keys each is found under. Made by `index`. */
export interface Index<Desc extends DescMessage = DescMessage> {
  readonly name: string;
  readonly type: ResourceType<Desc>;
  readonly keys: (resource: TypedResource<Desc>) => readonly string[];
}

/** Limits a lookup to a tenancy; an absent unit, or `*`, means any. */
export interface TenancyFilter {
  readonly partition?: string | undefined;
  readonly namespace?: string | undefined;
}

/**
 * What a controller sees of the store: its managed and watched types, kept current by watches. Read only. Of a name or a tenancy that it is asked for, only the units count that the scope of
 * the type has.
 */
export interface Cache {
  get<Desc extends DescMessage>(type: ResourceType<Desc>, name: Request): TypedResource<Desc> | undefined;
  /** In order of partition, namespace, name. */
  list<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    tenancy?: TenancyFilter,
  ): readonly TypedResource<Desc>[];
  /** Names that begin with `prefix`, in order. */
  listByPrefix<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    prefix: string,
    tenancy: Required<TenancyFilter>,
  ): readonly TypedResource<Desc>[];
  /** What an incarnation owns, of one cached type. */
  listByOwner<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    owner: TypedResource["id"],
  ): readonly TypedResource<Desc>[];
  /** Resources that the index finds under exactly this key. */
  byIndex<Desc extends DescMessage>(
    index: Index<Desc>,
    key: string,
    tenancy?: TenancyFilter,
  ): readonly TypedResource<Desc>[];
  /** Resources that the index finds under any key that begins with `prefix`; each once, in order of partition, namespace, name. */
  byIndexPrefix<Desc extends DescMessage>(
    index: Index<Desc>,
    prefix: string,
    tenancy?: TenancyFilter,
  ): readonly TypedResource<Desc>[];
  /** Resources that the index finds under any prefix of `key`, the key itself included; each once. */
  byIndexParents<Desc extends DescMessage>(
    index: Index<Desc>,
    key: string,
    tenancy?: TenancyFilter,
  ): readonly TypedResource<Desc>[];
}
