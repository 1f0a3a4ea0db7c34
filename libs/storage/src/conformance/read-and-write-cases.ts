import assert from "node:assert/strict";

import type { Backend, Consistency } from "../backend.ts";
import { toVersion, type Version } from "../record.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  apply,
  assertFails,
  assertRecord,
  deleteOf,
  fixture,
  putOf,
  refuse,
  seed,
  stored,
} from "./fixtures.ts";

const WEB = fixture("a", "default/default/web");
const UNKNOWN_VERSION = toVersion(1);
/** Group versions of which the reference's replicated store acknowledges writes and stores nothing. */
const RETIRED = [
  "hcp/v2",
  ...["auth", "catalog", "mesh", "multicluster", "tenancy"].map((group) => `${group}/v2beta1`),
];

/** Storage cases 1–14: reads by key, compare-and-swap writes and deletes. In brackets, the same in the cases of the resource service. */
export function readAndWriteCases({ open }: ConformanceOptions): ConformanceCase[] {
  const of = (number: number, says: string, body: (backend: Backend) => Promise<void>) =>
    caseOf(`storage ${number}: ${says}`, open, body);
  return [
    ...(["eventual", "strong"] as const).flatMap((consistency, index) =>
      readCases(of, consistency, index * 5),
    ),
    of(11, "a write compares the version that it was given (T533 T534 T535 T536 T537)", versionOnWrite),
    of(12, "a write cannot change the uid (T538 T539 T540 T541)", uidOnWrite),
    of(13, "a delete compares the version that it was given (T542 T543 T544)", versionOnDelete),
    of(14, "a delete compares the uid that it was given (T545)", uidOnDelete),
    caseOf("what can be read at once is what a read shows", open, atOnce),
    caseOf("what is acknowledged is stored, whatever its group and version (T559)", open, anyGroupVersion),
  ];
}

/** For a backend that has what it shows in its process; others have nothing to say here. */
async function atOnce(backend: Backend): Promise<void> {
  const version = await seed(backend, [WEB]);
  if (backend.readNow === undefined) return;
  assert.deepEqual(backend.readNow(WEB.key), await backend.read(WEB.key));
  assert.deepEqual(
    backend.readNow(WEB.key, { minimum: { version } }),
    await backend.read(WEB.key, { minimum: { version } }),
  );
  assert.equal(backend.readNow({ ...WEB.key, name: "different" })?.record, undefined);
  assert.equal(backend.readNow(WEB.key, { minimum: { version: toVersion(version + 1_000) } }), undefined);
  const readNow = async (storeId?: string) => backend.readNow?.(WEB.key, { minimum: { version, storeId } });
  await assertFails(() => readNow("00000000000000000000000000"), "store-changed");
  await backend.close();
  await assertFails(() => readNow(), "unavailable");
}

type Of = (number: number, says: string, body: (backend: Backend) => Promise<void>) => ConformanceCase;

function readCases(of: Of, consistency: Consistency, offset: number): ConformanceCase[] {
  const read = async (backend: Backend, key = WEB.key) => {
    const version = await seed(backend, [WEB]);
    return (await backend.read(key, consistency === "strong" ? { consistency } : { minimum: { version } }))
      .record;
  };
  return [
    of(
      offset + 1,
      `${consistency === "strong" ? "a" : "an"} ${consistency} read gives what was written (T528)`,
      async (backend) => {
        assertRecord(await read(backend), WEB, backend.position().version);
      },
    ),
    of(
      offset + 2,
      `${consistency === "strong" ? "a" : "an"} ${consistency} read knows no uid: it gives any incarnation, and says which (T529)`,
      async (backend) => {
        assert.equal((await read(backend))?.uid, "a");
      },
    ),
    of(
      offset + 3,
      `${consistency === "strong" ? "a" : "an"} ${consistency} read of another name finds nothing (T530)`,
      async (backend) => {
        assert.equal(await read(backend, { ...WEB.key, name: "different" }), undefined);
      },
    ),
    of(
      offset + 4,
      `${consistency === "strong" ? "a" : "an"} ${consistency} read lets the caller see another uid (T531)`,
      async (backend) => {
        assert.notEqual((await read(backend))?.uid, "b");
      },
    ),
    of(
      offset + 5,
      `${consistency === "strong" ? "a" : "an"} ${consistency} read says which group version is stored (T532)`,
      async (backend) => {
        assert.equal((await read(backend))?.groupVersion, "v1");
      },
    ),
  ];
}

async function versionOnWrite(backend: Backend): Promise<void> {
  const expecting = (version: Version) => putOf(WEB, { kind: "version", version });
  const creating = putOf(WEB, { kind: "absent" });
  assert.equal((await refuse(backend, expecting(UNKNOWN_VERSION))).current, undefined);
  const first = await apply(backend, creating);
  const second = await apply(backend, expecting(first));
  assert.ok(second > first);
  assertRecord((await refuse(backend, creating)).current, WEB, second);
  assertRecord((await refuse(backend, expecting(first))).current, WEB, second);
}

async function uidOnWrite(backend: Backend): Promise<void> {
  const first = await apply(backend, putOf(WEB));
  const current = { kind: "version", version: first } as const;
  const writing = (uid: string) =>
    putOf(fixture("a", "default/default/web", { uid }), { kind: "exists", uid }, current);
  assert.deepEqual((await refuse(backend, writing(""))).precondition, { kind: "exists", uid: "" });
  assert.deepEqual((await refuse(backend, writing("b"))).precondition, { kind: "exists", uid: "b" });
  const stale = { kind: "version", version: UNKNOWN_VERSION } as const;
  const both = await refuse(backend, putOf(WEB, { kind: "exists", uid: "b" }, stale));
  assert.equal(
    both.precondition.kind,
    "exists",
    "preconditions are judged in their order, the uid before the version",
  );
  const second = await apply(backend, writing("a"));
  const gone = await apply(backend, deleteOf(WEB, { kind: "version", version: second }));
  assert.equal(await stored(backend, WEB, gone), undefined);
  await apply(backend, putOf(fixture("a", "default/default/web", { uid: "b" }), { kind: "absent" }));
}

async function versionOnDelete(backend: Backend): Promise<void> {
  const version = await apply(backend, putOf(WEB));
  assertRecord((await refuse(backend, deleteOf(WEB, { kind: "absent" }))).current, WEB, version);
  await refuse(backend, deleteOf(WEB, { kind: "version", version: UNKNOWN_VERSION }));
  const gone = await apply(backend, deleteOf(WEB, { kind: "version", version }));
  assert.ok(gone > version);
  assert.equal(await stored(backend, WEB, gone), undefined);
  const again = await apply(backend, deleteOf(WEB));
  assert.ok(again >= gone, `a delete of what is absent succeeds, found ${again} after ${gone}`);
}

async function uidOnDelete(backend: Backend): Promise<void> {
  const version = await apply(backend, putOf(WEB));
  await refuse(backend, deleteOf(WEB, { kind: "exists", uid: "b" }, { kind: "version", version }));
  assertRecord(await stored(backend, WEB, version), WEB, version);
}

async function anyGroupVersion(backend: Backend): Promise<void> {
  const resources = RETIRED.map((type) => {
    const [group = "", groupVersion = ""] = type.split("/");
    const { key, record } = fixture("a", "default/default/web", { groupVersion });
    return { key: { ...key, group }, record };
  });
  for (const one of resources) {
    const version = await apply(backend, putOf(one));
    assertRecord(await stored(backend, one, version), one, version);
  }
}
