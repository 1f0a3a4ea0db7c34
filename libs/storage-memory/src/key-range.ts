import { type Key, type TypeQuery, WILDCARD } from "@trellis/storage";

/** The stretch of the key order where a query's matches lie, and what to test within it. */
export interface KeyRange {
  /** Every match's key string begins with this. */
  readonly prefix: string;
  /** Whether a key within the stretch matches; undefined when all do. */
  readonly matches: ((key: Key) => boolean) | undefined;
}

/** The range of a query: as narrow as its concrete leading parts allow. */
export function keyRange(query: TypeQuery): KeyRange {
  const type = `${query.group}\0${query.kind}\0`;
  if (query.partition === WILDCARD) return { prefix: type, matches: (key) => matchesQuery(query, key) };
  const partition = `${type}${query.partition}\0`;
  if (query.namespace === WILDCARD) return { prefix: partition, matches: (key) => matchesQuery(query, key) };
  const namespace = `${partition}${query.namespace}\0`;
  if (query.name === undefined) return { prefix: namespace + (query.namePrefix ?? ""), matches: undefined };
  const contradicts = !query.name.startsWith(query.namePrefix ?? "");
  return { prefix: `${namespace}${query.name}\0`, matches: contradicts ? () => false : undefined };
}

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
