import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION } from "@trellis/resource";

/** Resources in an order in which every owner comes before what it owns, and those that have none because their owners form a circle. */
export interface OwnersFirst<Item> {
  readonly ordered: readonly Item[];
  /** Each with the circle that it stands in or hangs on, from an item back to itself. */
  readonly circular: readonly { readonly item: Item; readonly circle: readonly Item[] }[];
}

/** Orders items owners first, and otherwise as they came. The resources of the items have distinct keys ({@link resourceKey}). */
export function ownersFirst<Item extends { readonly resource: Resource }>(
  items: readonly Item[],
): OwnersFirst<Item> {
  const byKey = new Map(items.map((item) => [keyOf(item.resource.id), item]));
  const ownerOf = (item: Item) =>
    item.resource.owner === undefined ? undefined : byKey.get(keyOf(item.resource.owner));
  const placed = new Set<Item>();
  const ordered: Item[] = [];
  const circular: { item: Item; circle: readonly Item[] }[] = [];
  for (const item of items) {
    const { chain, circle } = chainOf(item, ownerOf, placed);
    for (const link of chain) {
      placed.add(link);
      if (circle === undefined) ordered.push(link);
      else circular.push({ item: link, circle });
    }
  }
  return { ordered, circular };
}

/** The owners above an item that have no place yet, the highest first, and the circle that they end in. */
function chainOf<Item>(item: Item, ownerOf: (item: Item) => Item | undefined, placed: ReadonlySet<Item>) {
  const chain: Item[] = [];
  const seen = new Set<Item>();
  let current: Item | undefined = item;
  while (current !== undefined && !placed.has(current) && !seen.has(current)) {
    seen.add(current);
    chain.unshift(current);
    current = ownerOf(current);
  }
  const circle = current !== undefined && seen.has(current) ? circleFrom(current, ownerOf) : undefined;
  return { chain, circle };
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
