import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION } from "@trellis/resource";

/** Resources in an order in which every owner comes before what it owns, and those that have none because their owners form a circle. */
export interface OwnersFirst<Item> {
  readonly ordered: readonly Item[];
  /** Each with the circle that it stands in or hangs on, from an item back to itself. */
  readonly circular: readonly { readonly item: Item; readonly circle: readonly Item[] }[];
}

/** Orders items owners first, partitions and namespaces before all others, and otherwise as they came. The resources of the items have distinct keys ({@link resourceKey}). */
export function ownersFirst<Item extends { readonly resource: Resource }>(
  items: readonly Item[],
): OwnersFirst<Item> {
  const byKey = new Map(items.map((item) => [keyOf(item.resource.id), item]));
  const ownerOf = (item: Item) =>
    item.resource.owner === undefined ? undefined : byKey.get(keyOf(item.resource.owner));
  // Each item that has its place, with the circle that it stands in or hangs on, if any.
  const placed = new Map<Item, readonly Item[] | undefined>();
  const ordered: Item[] = [];
  const circular: { item: Item; circle: readonly Item[] }[] = [];
  for (const item of items.toSorted((a, b) => tenancyRank(a.resource) - tenancyRank(b.resource))) {
    const { chain, circle } = chainOf(item, ownerOf, placed);
    for (const link of chain) {
      placed.set(link, circle);
      if (circle === undefined) ordered.push(link);
      else circular.push({ item: link, circle });
    }
  }
  return { ordered, circular };
}

/** What resources live in must be there before them. */
function tenancyRank({ id }: Resource): number {
  const { group, kind } = id?.type ?? {};
  const rank = group === "tenancy" ? TENANCY_KINDS.indexOf(kind ?? "") : -1;
  return rank < 0 ? TENANCY_KINDS.length : rank;
}

const TENANCY_KINDS = ["Partition", "Namespace"];

/** The owners above an item that have no place yet, the highest first, and the circle that they end in. */
function chainOf<Item>(
  item: Item,
  ownerOf: (item: Item) => Item | undefined,
  placed: ReadonlyMap<Item, readonly Item[] | undefined>,
) {
  const chain: Item[] = [];
  const seen = new Set<Item>();
  let current: Item | undefined = item;
  while (current !== undefined && !placed.has(current) && !seen.has(current)) {
    seen.add(current);
    chain.push(current);
    current = ownerOf(current);
  }
  chain.reverse();
  if (current === undefined) return { chain, circle: undefined };
  return { chain, circle: seen.has(current) ? circleFrom(current, ownerOf) : placed.get(current) };
}

function circleFrom<Item>(start: Item, ownerOf: (item: Item) => Item | undefined): readonly Item[] {
  const circle = [start];
  for (let next = ownerOf(start); next !== undefined; next = ownerOf(next)) {
    circle.push(next);
    if (next === start) break;
  }
  return circle;
}

/** What tells resources apart: group, kind, tenancy (blank units as their defaults) and name. */
export function resourceKey(resource: Resource): string {
  return keyOf(resource.id);
}

function keyOf(id: ID | undefined): string {
  const { partition = "", namespace = "" } = id?.tenancy ?? {};
  return [
    id?.type?.group,
    id?.type?.kind,
    partition || DEFAULT_PARTITION,
    namespace || DEFAULT_NAMESPACE,
    id?.name,
  ].join("/");
}
