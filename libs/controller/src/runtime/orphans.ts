import type { Client } from "@trellis/client";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { idText, type ResourceType, type TypedResource } from "@trellis/resource";

import type { Cache, Index } from "../cache.ts";
import type { Request } from "../controller.ts";
import { requestOf } from "../mappers.ts";
import { deleteChildren } from "./child-writes.ts";
import { keyOf } from "./request-key.ts";

/** A name of the managed type, and the incarnation of it that is there, if any. */
export interface Parent {
  readonly type: ResourceType;
  readonly request: Request;
  readonly uid?: string | undefined;
}

/** Finds resources of an owned type by the name of their owner, whichever incarnation of it. */
export function ownerNameIndex(managed: ResourceType, type: ResourceType): Index {
  return {
    name: `${type.gvk} by name of its ${managed.gvk}`,
    type,
    keys: ({ owner }) => (owner !== undefined && isOf(owner, managed) ? [keyOf(requestOf(owner))] : []),
  };
}

/** Deletes what a former incarnation of a name owns, if that is gone: also where nothing else on the server follows its deletion. */
export async function reapOrphans(
  client: () => Client,
  cache: Cache,
  index: Index,
  parent: Parent,
): Promise<void> {
  const orphans = cache
    .byIndex(index, keyOf(parent.request))
    .filter(({ owner }) => owner !== undefined && owner.uid !== parent.uid);
  for (const uid of new Set(orphans.map(({ owner }) => owner?.uid))) {
    const its = orphans.filter(({ owner }) => owner?.uid === uid);
    const [first] = its;
    if (first?.owner === undefined || (await isThere(client(), parent.type, first.owner))) continue;
    await deleteChildren(client(), index.type, its);
  }
}

/** Whether an owner is another incarnation of a name. */
export function isFormer(owner: ID, { type, request, uid }: Parent): boolean {
  return isOf(owner, type) && keyOf(requestOf(owner)) === keyOf(request) && owner.uid !== uid;
}

/** Throws unless an incarnation is gone: a cache that has not seen it yet must not take it for gone. */
export async function requireGone(client: Client, type: ResourceType, owner: ID): Promise<void> {
  if (await isThere(client, type, owner))
    throw new Error(`${idText(owner)} has another uid than the cache shows: the run after this one sees it`);
}

async function isThere(client: Client, type: ResourceType, owner: ID): Promise<boolean> {
  const name = { ...requestOf(owner), uid: owner.uid };
  return (await client.find(type, name, { consistency: "strong" })) !== undefined;
}

function isOf({ type }: NonNullable<TypedResource["owner"]>, { group, kind }: ResourceType): boolean {
  return type?.group === group && type.kind === kind;
}
