import { type TypeQuery, WILDCARD } from "@trellis/storage";

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
