import type { TypeQuery } from "../backend.ts";
import { type Key, WILDCARD } from "../key.ts";
import type { StoredEvent } from "../watch.ts";

/** Whether two queries mean the same keys, as they say it. */
export function sameQuery(one: TypeQuery, other: TypeQuery): boolean {
  return (
    one.kind === other.kind &&
    one.group === other.group &&
    one.namespace === other.namespace &&
    one.partition === other.partition &&
    one.name === other.name &&
    one.namePrefix === other.namePrefix
  );
}

/** Whether a query means a key. */
export function matchesQuery(query: TypeQuery, key: Key): boolean {
  return (
    key.kind === query.kind &&
    key.group === query.group &&
    (query.namespace === WILDCARD || query.namespace === key.namespace) &&
    (query.partition === WILDCARD || query.partition === key.partition) &&
    (query.name === undefined || query.name === key.name) &&
    (query.namePrefix === undefined || key.name.startsWith(query.namePrefix))
  );
}

/** The string form of a type's group and kind, by which watches are told what may concern them. */
export function typeString(type: { readonly group: string; readonly kind: string }): string {
  return `${type.group}\0${type.kind}`;
}

/** The same of a watch of one name. */
export function nameString(type: string, name: string): string {
  return `${type}\0${name}`;
}

/** By which of them a watch is told. */
export function watchString(query: TypeQuery): string {
  const type = typeString(query);
  return query.name === undefined ? type : nameString(type, query.name);
}

/** Those of a commit's events that a query means; the same object where it means all. */
export function matchingEvents(query: TypeQuery, events: readonly StoredEvent[]): readonly StoredEvent[] {
  for (const { record } of events)
    if (!matchesQuery(query, record.key))
      return events.filter((event) => matchesQuery(query, event.record.key));
  return events;
}
