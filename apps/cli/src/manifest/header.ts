import { parseTypeName, type TypeName, typeNameText } from "@trellis/resource";
import { isMap, isScalar } from "yaml";

import { alternatives, nearest } from "../types/nearest.ts";
import { entriesOf, type Entry, isNothing, MERGE_ADVICE, MERGE_KEY } from "./document.ts";
import type { Step } from "./field-path.ts";
import type { Reading } from "./reading.ts";

/** Who a resource is, or its owner, as far as a manifest says. Blank units are left to the server. */
export interface Identity {
  readonly type: TypeName;
  readonly name: string;
  readonly partition: string;
  readonly namespace: string;
  readonly uid: string;
}

/** The parts of a manifest, before the payload's type is known. */
export interface ManifestHeader {
  readonly id: Identity;
  /** Where the type stands. */
  readonly typeNode: unknown;
  readonly owner: Identity | undefined;
  readonly ownerTypeNode: unknown;
  readonly metadata: Readonly<Record<string, string>>;
  /** The payload; undefined when it is left out. */
  readonly data: unknown;
}

const IDENTITY_FIELDS = ["type", "name", "partition", "namespace", "uid", "tenancy"] as const;
const WIRE_FIELDS = ["id", "owner", "metadata", "data", "version", "generation", "status"] as const;
const MANIFEST_FIELDS = [
  "type",
  "name",
  "partition",
  "namespace",
  "owner",
  "metadata",
  "data",
  "uid",
  "version",
  "generation",
  "status",
] as const;

/**
 * Reads who a manifest is about, in the manifest's own form or in the wire's with `id`. What is wrong is noted in the reading; undefined when there is
 * not enough to go on.
 */
export function readHeader(reading: Reading, root: unknown): ManifestHeader | undefined {
  const map = reading.enter(root, []);
  if (!isMap(map)) return reading.expected(root, [], "a manifest: a map with type, name and data");
  const entries = entriesOf(map);
  const wire = entries.find(({ key }) => key === "id");
  checkFields(reading, entries, wire === undefined ? MANIFEST_FIELDS : WIRE_FIELDS, []);
  const id =
    wire === undefined ? readIdentity(reading, entries, root, []) : readIdentityMap(reading, wire, "id");
  const ownerEntry = entries.find(({ key, value }) => key === "owner" && !isNothing(reading.document, value));
  const owner = ownerEntry === undefined ? undefined : readIdentityMap(reading, ownerEntry, "owner");
  const metadata = readMetadata(
    reading,
    entries.find(({ key }) => key === "metadata"),
  );
  if (id === undefined) return undefined;
  const data = entries.find(({ key }) => key === "data")?.value;
  return {
    id: id.identity,
    typeNode: id.typeNode,
    owner: owner?.identity,
    ownerTypeNode: owner?.typeNode,
    metadata,
    data,
  };
}

interface ReadIdentity {
  readonly identity: Identity;
  readonly typeNode: unknown;
}

function readIdentityMap(reading: Reading, entry: Entry, field: string): ReadIdentity | undefined {
  const path = [{ field }];
  const map = reading.enter(entry.value, path);
  if (!isMap(map)) return reading.expected(entry.value, path, "a map with type and name");
  const entries = entriesOf(map);
  checkFields(reading, entries, IDENTITY_FIELDS, path);
  return readIdentity(reading, entries, entry.value, path);
}

function readIdentity(
  reading: Reading,
  entries: readonly Entry[],
  node: unknown,
  path: readonly Step[],
): ReadIdentity | undefined {
  const find = (field: string) => entries.find(({ key }) => key === field)?.value;
  const text = (field: string) => readText(reading, find(field), [...path, { field }]);
  const tenancy = readTenancy(reading, find("tenancy"), [...path, { field: "tenancy" }]);
  const problemsBefore = reading.problems.length;
  const name = text("name");
  if (name === "" && reading.problems.length === problemsBefore)
    reading.report(find("name") ?? node, [...path, { field: "name" }], "a name is missing");
  const partition = text("partition") || tenancy.partition;
  const namespace = text("namespace") || tenancy.namespace;
  const type = readType(reading, find("type"), node, [...path, { field: "type" }]);
  if (type === undefined) return undefined;
  return { identity: { type, name, partition, namespace, uid: text("uid") }, typeNode: find("type") };
}

function readTenancy(
  reading: Reading,
  node: unknown,
  path: readonly Step[],
): { partition: string; namespace: string } {
  const none = { partition: "", namespace: "" };
  if (isNothing(reading.document, node)) return none;
  const map = reading.enter(node, path);
  if (!isMap(map)) return reading.expected(node, path, "a map with partition and namespace") ?? none;
  const entries = entriesOf(map);
  checkFields(reading, entries, ["partition", "namespace"], path);
  const text = (field: string) =>
    readText(reading, entries.find(({ key }) => key === field)?.value, [...path, { field }]);
  return { partition: text("partition"), namespace: text("namespace") };
}

/** A type as `group.version.Kind`, or as the wire's map of the three. */
function readType(
  reading: Reading,
  node: unknown,
  parent: unknown,
  path: readonly Step[],
): TypeName | undefined {
  const form = 'group.version.Kind, as in "catalog.v1.Service"';
  if (isNothing(reading.document, node)) return reading.report(parent, path, `a type is missing: ${form}`);
  const found = reading.enter(node, path);
  if (isMap(found)) {
    const entries = entriesOf(found);
    checkFields(reading, entries, ["group", "groupVersion", "kind"], path);
    const text = (...names: string[]) =>
      readText(reading, entries.find(({ key }) => names.includes(key))?.value, path);
    return { group: text("group"), groupVersion: text("groupVersion", "group_version"), kind: text("kind") };
  }
  const value: unknown = isScalar(found) ? found.value : undefined;
  const type = typeof value === "string" ? parseTypeName(value) : undefined;
  return type ?? reading.expected(node, path, form);
}

function readMetadata(reading: Reading, entry: Entry | undefined): Readonly<Record<string, string>> {
  if (entry === undefined || isNothing(reading.document, entry.value)) return {};
  const path = [{ field: "metadata" }];
  const map = reading.enter(entry.value, path);
  if (!isMap(map)) return reading.expected(entry.value, path, "a map to strings") ?? {};
  return Object.fromEntries(
    entriesOf(map).map(({ key, value }) => [key, readText(reading, value, [...path, { key }])]),
  );
}

function readText(reading: Reading, node: unknown, path: readonly Step[]): string {
  if (isNothing(reading.document, node)) return "";
  const found = reading.enter(node, path);
  const value: unknown = isScalar(found) ? found.value : undefined;
  if (typeof value === "string" && value.isWellFormed()) return value;
  const expected = typeof value === "string" ? "whole Unicode characters" : "a string in quotes";
  return reading.expected(node, path, isScalar(found) ? expected : "a string") ?? "";
}

function checkFields(
  reading: Reading,
  entries: readonly Entry[],
  known: readonly string[],
  path: readonly Step[],
): void {
  for (const { key, offset } of entries) {
    if (known.includes(key) || (key === "group_version" && known.includes("groupVersion"))) continue;
    if (key === MERGE_KEY) {
      reading.reportAt(offset, [...path, { field: key }], MERGE_ADVICE);
      continue;
    }
    const close = nearest(key, known);
    const advice = close.length > 0 ? `did you mean ${alternatives(close)}?` : `it has ${known.join(", ")}`;
    reading.reportAt(
      offset,
      [...path, { field: key }],
      `there is no such field${close.length > 0 ? "; " : " here; "}${advice}`,
    );
  }
}

/** A type's full name. */
export function identityType({ type }: Identity): string {
  return typeNameText(type);
}
