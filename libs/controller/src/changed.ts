import { isDeepStrictEqual } from "node:util";

import { isMarkedForDeletion, statusEquals, statusMapEquals, type TypedResource } from "@trellis/resource";

import type { Change, ChangeFilter } from "./change.ts";

/** A resource before and after a change. */
interface Both {
  readonly previous: TypedResource;
  readonly next: TypedResource;
}

/** Filters for `when`. What comes, goes, is followed by another of its name, or is marked for deletion passes each of them. */
export const changed = {
  /** Metadata, owner or data changed: what somebody asked for, and no status. */
  generation: ofBoth(({ previous, next }) => previous.generation !== next.generation),
  /** The metadata changed. */
  metadata: ofBoth(({ previous, next }) => !isDeepStrictEqual(previous.metadata, next.metadata)),
  /** The data changed. */
  body: ofBoth(
    ({ previous, next }) =>
      previous.generation !== next.generation && !isDeepStrictEqual(previous.data, next.data),
  ),
  /** The status under a key came, went, or says something else. A newer time alone does not count. */
  status: (key: string): ChangeFilter =>
    ofBoth(
      ({ previous, next }) => !statusEquals(previous.status[key], next.status[key], { updatedAt: false }),
    ),
  /** Passes what one of the filters passes; without any, only what passes each. */
  any: (...filters: readonly ChangeFilter[]): ChangeFilter =>
    ofBoth((both) => filters.some((filter) => filter(both))),
} as const;

/** Whether more changed than the status under a key: a controller need not run for what it has just said itself. */
export function changedBesidesStatus(key: string): ChangeFilter {
  return ofBoth(
    ({ previous, next }) =>
      previous.generation !== next.generation || !statusMapEquals(without(previous, key), without(next, key)),
  );
}

/** Whether a change counts: by the filter, where it is one of what is there before and after. A filter that throws is told, and lets the change through. */
export function changePasses(
  filter: ChangeFilter | undefined,
  change: Change,
  onError: (error: unknown) => void,
): boolean {
  if (filter === undefined || bothOf(change) === undefined) return true;
  try {
    return filter(change);
  } catch (error) {
    onError(error);
    return true;
  }
}

/** A filter of what is there before and after. */
function ofBoth(filter: (both: Both) => boolean): ChangeFilter {
  return (change) => {
    const both = bothOf(change);
    return both === undefined || filter(both);
  };
}

/** One resource before and after a change that neither began nor ended its life. */
function bothOf({ previous, next }: Change): Both | undefined {
  if (previous === undefined || next === undefined || previous.id.uid !== next.id.uid) return undefined;
  const marked = isMarkedForDeletion(previous.metadata) !== isMarkedForDeletion(next.metadata);
  return marked ? undefined : { previous, next };
}

/** The statuses but one. */
function without({ status }: TypedResource, key: string): TypedResource["status"] {
  return Object.fromEntries(Object.entries(status).filter(([other]) => other !== key));
}
