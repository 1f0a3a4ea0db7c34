import assert from "node:assert/strict";

import type { Backend, TypeQuery } from "../backend.ts";
import { StorageError, type StorageErrorCode } from "../errors.ts";
import { type Key, keyString, WILDCARD } from "../key.ts";
import type { CommitResult, Operation, Precondition } from "../operation.ts";
import type { OwnerRef, RecordInit, StoredRecord, Version } from "../record.ts";
import type { Watch, WatchBatch } from "../watch.ts";
import { SMALL_HISTORY_COMMITS } from "./conformance-case.ts";

/** A resource of the cases: where it is stored and what. */
export interface Fixture {
  readonly key: Key;
  readonly record: RecordInit;
}

/** What differs from a plain fixture. */
export interface FixtureOptions {
  readonly uid?: string;
  readonly owner?: OwnerRef;
  readonly marked?: boolean;
  readonly generation?: string;
  readonly groupVersion?: string;
  readonly text?: string;
}

/** A resource `KIND PARTITION/NAMESPACE/NAME` of group `test`, by default uid `a`, group version `v1`. */
export function fixture(kind: string, path: string, options: FixtureOptions = {}): Fixture {
  const [partition = "", namespace = "", name = ""] = path.split("/");
  const { uid = "a", owner, marked = false, generation = "g1", groupVersion = "v1", text = path } = options;
  return {
    key: { group: "test", kind, partition, namespace, name },
    record: { uid, groupVersion, generation, owner, marked, bytes: new TextEncoder().encode(text) },
  };
}

/** The six resources that lists and watches are judged on (storage specification 1.5). */
export const SEEDS: readonly Fixture[] = [
  fixture("a", "default/default/admin"),
  fixture("a", "default/default/api"),
  fixture("a", "default/default/web", { groupVersion: "v2" }),
  fixture("a", "billing/payments/api"),
  fixture("b", "default/default/admin"),
  fixture("a", "default/other/autoscaler"),
];

/** The seven filters, on kind `a`, the seeds that each shows, and the case of the resource service that lists by it. */
export const FILTERS: readonly {
  readonly name: string;
  readonly query: TypeQuery;
  readonly seeds: readonly number[];
  readonly listCase: string;
}[] = [
  { name: "one tenancy", query: query("default", "default"), seeds: [0, 1, 2], listCase: "T550" },
  { name: "another tenancy", query: query("billing", "payments"), seeds: [3], listCase: "T550" },
  { name: "a name prefix", query: query("default", "default", "a"), seeds: [0, 1], listCase: "T551" },
  { name: "all tenancies", query: query(WILDCARD, WILDCARD), seeds: [0, 1, 2, 3, 5], listCase: "T552" },
  {
    name: "all namespaces of a partition",
    query: query("default", WILDCARD),
    seeds: [0, 1, 2, 5],
    listCase: "T553",
  },
  {
    name: "a namespace in all partitions",
    query: query(WILDCARD, "default"),
    seeds: [0, 1, 2],
    listCase: "T554",
  },
  {
    name: "a name prefix in all tenancies",
    query: query(WILDCARD, WILDCARD, "a"),
    seeds: [0, 1, 3, 5],
    listCase: "T555",
  },
];

/** All of kind `a`. */
export const ALL: TypeQuery = query(WILDCARD, WILDCARD);

function query(partition: string, namespace: string, namePrefix = ""): TypeQuery {
  return { group: "test", kind: "a", partition, namespace, namePrefix };
}

/** The operation that stores a fixture. */
export function putOf({ key, record }: Fixture, ...preconditions: Precondition[]): Operation {
  return { kind: "put", key, record, preconditions };
}

/** The operation that deletes a fixture. */
export function deleteOf({ key }: Fixture, ...preconditions: Precondition[]): Operation {
  return { kind: "delete", key, preconditions };
}

/** Commits and expects success; the version. */
export async function apply(backend: Backend, ...operations: Operation[]): Promise<Version> {
  const result = await backend.commit(operations);
  assert.equal(
    result.outcome,
    "applied",
    `expected the commit to be applied, found ${JSON.stringify(result)}`,
  );
  return result.version;
}

/** Commits and expects a refusal; what it says. */
export async function refuse(
  backend: Backend,
  ...operations: Operation[]
): Promise<Extract<CommitResult, { outcome: "refused" }>> {
  const result = await backend.commit(operations);
  if (result.outcome !== "refused") assert.fail("expected the commit to be refused, found it applied");
  return result;
}

/** Stores fixtures, one commit each; the last version. A read after it has caught up with it. */
export async function seed(backend: Backend, fixtures: readonly Fixture[] = SEEDS): Promise<Version> {
  let version = backend.position().version;
  for (const one of fixtures) version = await apply(backend, putOf(one));
  await backend.list(ALL, { minimum: { version }, limit: 1 });
  return version;
}

/** One commit more than the small history keeps, and the backend has them all. */
export async function outgrowHistory(backend: Backend): Promise<void> {
  const length = SMALL_HISTORY_COMMITS + 1;
  await seed(
    backend,
    Array.from({ length }, (_, count) => fixture("a", `p/n/x${count}`)),
  );
}

/** What is stored under a fixture's key, as of its last commit at least. */
export async function stored(
  backend: Backend,
  { key }: Fixture,
  version: Version,
): Promise<StoredRecord | undefined> {
  const { record } = await backend.read(key, { minimum: { version } });
  return record;
}

/** Asserts that a record is a fixture, at a version if one is given. */
export function assertRecord(record: StoredRecord | undefined, expected: Fixture, version?: Version): void {
  assert.ok(record !== undefined, `expected a record of ${keyString(expected.key)}, found none`);
  const { key, version: found, ...rest } = record;
  assert.deepEqual({ ...key }, { ...expected.key });
  assert.deepEqual(plain(rest), plain(expected.record));
  if (version !== undefined) assert.equal(found, version);
}

/** Asserts that records are exactly the fixtures, in any order. */
export function assertRecords(records: readonly StoredRecord[], expected: readonly Fixture[]): void {
  assert.deepEqual(
    records.map(({ key }) => keyString(key)).sort(),
    expected.map(({ key }) => keyString(key)).sort(),
  );
  for (const one of expected) {
    assertRecord(
      records.find(({ key }) => keyString(key) === keyString(one.key)),
      one,
    );
  }
}

/** Asserts that a call fails with a storage error of a code; the error. */
export async function assertFails(
  call: () => Promise<unknown>,
  code: StorageErrorCode,
): Promise<StorageError> {
  try {
    await call();
  } catch (error) {
    if (!StorageError.is(error)) throw error;
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected the error ${code}, found success`);
}

/** The next batch, which must be there. */
export async function take(watch: Watch): Promise<WatchBatch> {
  return (await watch.next()) ?? assert.fail("expected a batch, found the watch closed");
}

/** The next batch, which must be of a kind. */
export async function takeKind<K extends WatchBatch["kind"]>(
  watch: Watch,
  kind: K,
): Promise<Extract<WatchBatch, { kind: K }>> {
  const batch = await take(watch);
  assert.equal(batch.kind, kind);
  return batch as Extract<WatchBatch, { kind: K }>;
}

/** The records of a watch's snapshot, and the version of its end. */
export async function takeSnapshot(
  watch: Watch,
): Promise<{ readonly records: readonly StoredRecord[]; readonly version: Version }> {
  const records: StoredRecord[] = [];
  for (;;) {
    const batch = await take(watch);
    if (batch.kind === "endOfSnapshot") return { records, version: batch.version };
    if (batch.kind !== "snapshot")
      assert.fail(`expected a snapshot and its end, found a ${batch.kind} before it`);
    records.push(...batch.records);
  }
}

function plain(record: RecordInit): unknown {
  const { owner, bytes, ...rest } = record;
  return {
    ...rest,
    bytes: Array.from(bytes),
    owner: owner === undefined ? undefined : { key: { ...owner.key }, uid: owner.uid },
  };
}
