import { type Key, type OwnerQuery, type StoredRecord, type TypeQuery, WILDCARD } from "@trellis/storage";

import { ownerPrefix } from "./tables.ts";

/** A query as the ordered tables answer it: a range of keys, and what is left to compare. */
export interface Scan {
  readonly table: "byKey" | "byOwner";
  /** All keys of the range begin with this. */
  readonly prefix: string;
  readonly matches: (key: Key) => boolean;
}

/** Turns a query into a scan. The prefix reaches as far as the query has concrete parts. */
export function scanOf(query: TypeQuery | OwnerQuery): Scan {
  if ("owner" in query) return { table: "byOwner", prefix: ownerPrefix(query.owner), matches: () => true };
  return { table: "byKey", prefix: typePrefix(query), matches: matcherOf(query) };
}

function typePrefix({ group, kind, partition, namespace, name, namePrefix }: TypeQuery): string {
  const type = `${group}\0${kind}\0`;
  if (partition === WILDCARD) return type;
  if (namespace === WILDCARD) return `${type}${partition}\0`;
  const tenancy = `${type}${partition}\0${namespace}\0`;
  return name === undefined ? `${tenancy}${namePrefix ?? ""}` : `${tenancy}${name}\0`;
}

/** Whether a key is one that the query means. */
export function matcherOf({
  group,
  kind,
  partition,
  namespace,
  name,
  namePrefix = "",
}: TypeQuery): (key: Key) => boolean {
  return (key) =>
    key.kind === kind &&
    key.group === group &&
    (partition === WILDCARD || key.partition === partition) &&
    (namespace === WILDCARD || key.namespace === namespace) &&
    (name === undefined || key.name === name) &&
    key.name.startsWith(namePrefix);
}

/** The key under which a record stands in the table that a scan reads. */
export function tableKey(scan: Scan, key: string): string {
  return scan.table === "byKey" ? key : scan.prefix + key;
}

/** Whether the record is one that a list of this query shows. */
export function shows(scan: Scan, record: StoredRecord): boolean {
  return scan.matches(record.key);
}
