import { type Key, type TypeQuery, WILDCARD } from "@trellis/storage";

/** The stretch of the key order where a query's matches lie, and where in it they may be. */
export interface KeyRange {
  /** Every match's key string begins with this. */
  readonly prefix: string;
  /**
   * Tells of a key string within the stretch whether it matches: undefined for one that does, else a later one, before which nothing matches. Absent when all match.
   */
  readonly nextAfter?: ((text: string) => string | undefined) | undefined;
}

/** The range of a query: as narrow as its concrete leading parts allow. */
export function keyRange(query: TypeQuery): KeyRange {
  const type = `${query.group}\0${query.kind}\0`;
  const { name, namePrefix = "" } = query;
  const names = name === undefined ? namePrefix : `${name}\0`;
  if (name?.startsWith(namePrefix) === false) return { prefix: type, nextAfter: () => `${type}${LAST}` };
  if (query.partition === WILDCARD || query.namespace === WILDCARD) {
    const { partition, namespace } = query;
    const prefix = partition === WILDCARD ? type : `${type}${partition}\0`;
    if (namespace === WILDCARD && names === "") return { prefix };
    const wanted = namespace === WILDCARD ? undefined : `${namespace}\0`;
    return { prefix, nextAfter: (text) => nextInTenancies(text, type.length, wanted, names) };
  }
  return { prefix: `${type}${query.partition}\0${query.namespace}\0${names}` };
}

/** Beyond every key string: keys are ASCII. */
const LAST = "\uffff";
/** Behind a part of a key and what belongs to it, and before any other part: parts are ended by NUL, and have no such character. */
const BEHIND = "\x01";

/**
 * Where the next match may be of those in all tenancies, or in one namespace of all partitions: what a key string has behind its type begins with a partition, a namespace and
 * then a name, each ended by NUL. `namespace` is undefined for all, `names` is what the name has to begin with.
 */
function nextInTenancies(
  text: string,
  typeEnd: number,
  namespace: string | undefined,
  names: string,
): string | undefined {
  const partitionEnd = text.indexOf("\0", typeEnd);
  const namespaceEnd = text.indexOf("\0", partitionEnd + 1) + 1;
  if (namespace !== undefined) {
    const partition = text.slice(0, partitionEnd);
    const found = text.slice(partitionEnd + 1, namespaceEnd);
    if (found < namespace) return `${partition}\0${namespace}${names}`;
    if (found > namespace) return partition + BEHIND;
  }
  if (text.startsWith(names, namespaceEnd)) return undefined;
  if (text.slice(namespaceEnd) < names) return text.slice(0, namespaceEnd) + names;
  return text.slice(0, namespace === undefined ? namespaceEnd - 1 : partitionEnd) + BEHIND;
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
