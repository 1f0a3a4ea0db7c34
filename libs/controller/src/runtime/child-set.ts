import { create, type DescMessage, equals, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import {
  defaultTenancy,
  idText,
  isMarkedForDeletion,
  type ResourceType,
  type TypedResource,
} from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { ChildInput, ChildSet } from "../context.ts";
import type { Request } from "../controller.ts";
import { MANAGED_BY } from "../managed-by.ts";
import { requestOf } from "../mappers.ts";
import { type ChildWrite, deleteChildren, writeChildren } from "./child-writes.ts";
import { isFormer, requireGone } from "./orphans.ts";
import { keyOf } from "./request-key.ts";

/** Children of one type that one resource may have: they are compared one by one in each run. */
export const MAX_CHILDREN = 10_000;

/** Whose children, of which type, and who makes them. */
export interface ChildSetDeps<Desc extends DescMessage> {
  readonly client: Client;
  readonly cache: Cache;
  readonly parentType: ResourceType;
  readonly parent: TypedResource;
  readonly type: ResourceType<Desc>;
  /** The controller's. */
  readonly key: string;
  /** Told of a name that something else has: its parent is to run again when that changes. */
  readonly taken: (type: ResourceType, name: Request) => void;
}

/** A child as it should be, and what there is of its name. */
interface Wanted<Desc extends DescMessage> {
  readonly input: ChildInput<Desc>;
  readonly request: Request;
  readonly existing: TypedResource<Desc> | undefined;
}

/** The children of one resource that one controller makes. */
export function createChildSet<Desc extends DescMessage>(deps: ChildSetDeps<Desc>): ChildSet<Desc> {
  const { cache, type, parent, key, client } = deps;
  const list = (): readonly TypedResource<Desc>[] =>
    cache.listByOwner(type, parent.id).filter(({ metadata }) => metadata[MANAGED_BY] === key);
  return {
    list,
    async set(children) {
      const wanted = wantedOf(deps, children);
      const former: TypedResource<Desc>[] = [];
      for (const { existing } of wanted)
        if (existing !== undefined && existing.owner?.uid !== parent.id.uid)
          former.push(await replaceable(deps, existing));
      const names = new Set(wanted.map(({ request }) => keyOf(request)));
      const surplus = list().filter(({ id }) => !names.has(keyOf(requestOf(id))));
      await deleteChildren(client, type, former);
      const results = await writeChildren(
        client,
        type,
        wanted.map((one) => writeOf(deps, one)),
      );
      await deleteChildren(client, type, surplus);
      return results;
    },
  };
}

function wantedOf<Desc extends DescMessage>(
  { type, parent, cache }: ChildSetDeps<Desc>,
  children: readonly ChildInput<Desc>[],
): readonly Wanted<Desc>[] {
  if (children.length > MAX_CHILDREN)
    throw new RangeError(
      `children(${type.kind}).set takes at most ${MAX_CHILDREN} children, found ${children.length}: give them several parents`,
    );
  const names = new Set<string>();
  return children.map((input) => {
    const request = requestIn(type, requestOf(parent.id), input);
    const name = keyOf(request);
    if (names.has(name))
      throw new TypeError(`children(${type.kind}).set was given "${input.name}" twice: leave one out`);
    names.add(name);
    return { input, request, existing: cache.get(type, request) };
  });
}

/** The whole name of a child: the units of tenancy that its type has, the parent's where it does not say. */
function requestIn(
  type: ResourceType,
  parent: Request,
  { name, partition, namespace }: Pick<ChildInput<DescMessage>, "name" | "partition" | "namespace">,
): Request {
  const units = defaultTenancy(type.scope);
  return {
    partition: units.partition === "" ? "" : partition || parent.partition || units.partition,
    namespace: units.namespace === "" ? "" : namespace || parent.namespace || units.namespace,
    name,
  };
}

/** What stands in the way and may be deleted: a former parent of the same name had it. Throws for what is somebody else's. */
async function replaceable<Desc extends DescMessage>(
  { client, parentType, parent, type, taken }: ChildSetDeps<Desc>,
  existing: TypedResource<Desc>,
): Promise<TypedResource<Desc>> {
  const { owner, id } = existing;
  taken(type, requestOf(id));
  if (
    owner === undefined ||
    !isFormer(owner, { type: parentType, request: requestOf(parent.id), uid: parent.id.uid })
  )
    throw new Error(
      `the child ${idText(id)} cannot be written: ${owner === undefined ? "it is there and has no owner" : `it is owned by ${idText(owner)}`}, expected ${idText(parent.id)}; delete it or choose another name`,
    );
  await requireGone(client, parentType, owner);
  return existing;
}

/** What is to be sent for a child: nothing when it is as it should be, or is on its way out and cannot be changed. */
function writeOf<Desc extends DescMessage>(
  { type, parent, key }: ChildSetDeps<Desc>,
  { input, request, existing }: Wanted<Desc>,
): ChildWrite<Desc> {
  const data = create(type.schema, input.data as MessageInitShape<Desc>);
  const metadata = { ...input.metadata, [MANAGED_BY]: key };
  const own = existing?.owner?.uid === parent.id.uid ? existing : undefined;
  if (own === undefined) return { ...request, owner: parent.id, metadata, data };
  const isSame =
    Object.entries(metadata).every(([name, value]) => own.metadata[name] === value) &&
    equals(type.schema, own.data, data);
  if (isSame || isMarkedForDeletion(own.metadata)) return { existing: own };
  const { uid } = own.id;
  return {
    ...request,
    owner: parent.id,
    metadata: { ...own.metadata, ...metadata },
    data,
    uid,
    version: own.version,
  };
}
