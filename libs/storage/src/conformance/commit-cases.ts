import assert from "node:assert/strict";

import type { Backend } from "../backend.ts";
import { MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS, type Operation, type Precondition } from "../operation.ts";
import { toVersion } from "../record.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  ALL,
  apply,
  assertFails,
  assertRecord,
  deleteOf,
  type Fixture,
  fixture,
  putOf,
  refuse,
  seed,
  stored,
  takeKind,
  takeSnapshot,
} from "./fixtures.ts";

const WEB = fixture("a", "p/n/web");
const API = fixture("a", "p/n/api");

/** What commits and minimum positions promise beyond the numbered cases (DESIGN §4). */
export function commitCases({ open, elapse }: ConformanceOptions): ConformanceCase[] {
  const of = (name: string, body: (backend: Backend) => Promise<void>) => caseOf(name, open, body);
  return [
    of("each precondition holds and fails as it says", preconditions),
    of("an operation needs all of its preconditions", allPreconditions),
    of("an operation sees the effects of those before it", seesEffects),
    of("a refused commit applies nothing, and says which operation and what is stored", refusedWhole),
    of("a commit that is refused or changes nothing leaves all versions alone and wakes no watch", silent),
    of("evaluating only answers as a commit would and stores nothing", evaluating),
    of("all records of a commit carry its version", async (backend) => {
      const version = await apply(backend, putOf(WEB), putOf(API));
      assertRecord(await stored(backend, WEB, version), WEB, version);
      assertRecord(await stored(backend, API, version), API, version);
    }),
    of("a commit changes a key at most once", async (backend) => {
      await assertFails(() => backend.commit([putOf(WEB), deleteOf(WEB)]), "invalid");
    }),
    of("keys have no NUL and name one tenancy", async (backend) => {
      await assertFails(() => backend.commit([putOf(fixture("a", "p/n/x\0y"))]), "invalid");
      await assertFails(() => backend.commit([putOf(fixture("a", "*/n/x"))]), "invalid");
      await apply(backend, putOf(fixture("a", "p/n/*")));
    }),
    of("a commit has at most 1,024 operations and 4 MiB", limits),
    of("what a caller does with his buffer later does not change what is stored", async (backend) => {
      const one = fixture("a", "p/n/web");
      const version = await apply(backend, putOf(one));
      one.record.bytes.fill(0);
      assertRecord(await stored(backend, WEB, version), WEB);
    }),
    of("concurrent compare-and-swap writes let one win", async (backend) => {
      const version = await apply(backend, putOf(WEB));
      const results = await Promise.all(
        Array.from({ length: 20 }, () => backend.commit([putOf(WEB, { kind: "version", version })])),
      );
      assert.equal(results.filter(({ outcome }) => outcome === "applied").length, 1);
    }),
    of("a read waits for its minimum position", async (backend) => {
      const next = toVersion(backend.position().version + 1);
      const reading = backend.read(WEB.key, { minimum: { version: next } });
      for (const one of [WEB, API]) await apply(backend, putOf(one));
      assertRecord((await reading).record, WEB);
    }),
    of("a minimum position that is not reached ends with the signal", async (backend) => {
      const controller = new AbortController();
      const minimum = { version: toVersion(backend.position().version + 10) };
      const reading = backend.read(WEB.key, { minimum, signal: controller.signal });
      await elapse(0);
      controller.abort();
      await assertFails(() => reading, "version-not-reached");
    }),
    of("a minimum position of another store is no wait", async (backend) => {
      const minimum = { storeId: "00000000000000000000000000", version: toVersion(1) };
      await assertFails(() => backend.read(WEB.key, { minimum }), "store-changed");
      await assertFails(() => backend.list(ALL, { minimum }), "store-changed");
    }),
    of("a closed backend is unavailable", async (backend) => {
      await backend.close();
      await assertFails(() => backend.read(WEB.key), "unavailable");
      await assertFails(() => backend.list(ALL), "unavailable");
      await assertFails(() => backend.commit([putOf(WEB)]), "unavailable");
      await assertFails(async () => await backend.watch(ALL).next(), "unavailable");
    }),
  ];
}

async function preconditions(backend: Backend): Promise<void> {
  const marked = fixture("a", "p/n/marked", { uid: "m", marked: true, generation: "g7" });
  const version = await seed(backend, [WEB, marked]);
  const absent = fixture("a", "p/n/absent");
  const at = (await stored(backend, WEB, version))?.version ?? version;
  const table: readonly (readonly [Fixture, Precondition, boolean])[] = [
    [absent, { kind: "absent" }, true],
    [WEB, { kind: "absent" }, false],
    [WEB, { kind: "exists" }, true],
    [WEB, { kind: "exists", uid: "a" }, true],
    [WEB, { kind: "exists", uid: "b" }, false],
    [absent, { kind: "exists" }, false],
    [WEB, { kind: "live" }, true],
    [WEB, { kind: "live", uid: "b" }, false],
    [marked, { kind: "exists", uid: "m" }, true],
    [marked, { kind: "live" }, false],
    [marked, { kind: "live", uid: "m" }, false],
    [absent, { kind: "live" }, false],
    [WEB, { kind: "version", version: at }, true],
    [WEB, { kind: "version", version: toVersion(at + 1) }, false],
    [absent, { kind: "version", version: at }, false],
    [marked, { kind: "generation", generation: "g7" }, true],
    [marked, { kind: "generation", generation: "g1" }, false],
    [absent, { kind: "generation", generation: "g1" }, false],
  ];
  for (const [one, precondition, holds] of table) {
    const result = await backend.commit([{ kind: "check", key: one.key, preconditions: [precondition] }]);
    const says = `${one.key.name} ${JSON.stringify(precondition)}`;
    assert.equal(result.outcome, holds ? "applied" : "refused", says);
    if (result.outcome === "refused") assert.deepEqual(result.precondition, precondition);
  }
}

async function allPreconditions(backend: Backend): Promise<void> {
  const version = await seed(backend, [WEB]);
  const [holds, fails] = [
    { kind: "exists", uid: "a" },
    { kind: "generation", generation: "g2" },
  ] as const;
  for (const [index, preconditions] of [
    [fails, holds],
    [holds, fails],
  ].entries()) {
    const refused = await refuse(backend, { kind: "delete", key: WEB.key, preconditions });
    assert.equal(refused.operationIndex, 0, `with the one that fails at ${index}`);
    assert.deepEqual(refused.precondition, fails);
  }
  assertRecord(await stored(backend, WEB, version), WEB, version);
}

async function seesEffects(backend: Backend): Promise<void> {
  await seed(backend, [API]);
  const check = (one: Fixture, precondition: Precondition): Operation => ({
    kind: "check",
    key: one.key,
    preconditions: [precondition],
  });
  await apply(
    backend,
    putOf(WEB, { kind: "absent" }),
    check(WEB, { kind: "live", uid: "a" }),
    deleteOf(API, { kind: "exists" }),
    check(API, { kind: "absent" }),
  );
  const refused = await refuse(backend, deleteOf(WEB), check(WEB, { kind: "exists" }));
  assert.equal(refused.operationIndex, 1);
  assertRecord(refused.current, WEB);
}

async function refusedWhole(backend: Backend): Promise<void> {
  const version = await seed(backend, [WEB]);
  const changed = fixture("a", "p/n/web", { text: "changed" });
  const refused = await refuse(
    backend,
    putOf(API),
    deleteOf(fixture("a", "p/n/x")),
    putOf(changed, { kind: "absent" }),
  );
  assert.equal(refused.operationIndex, 2);
  assert.deepEqual(refused.precondition, { kind: "absent" });
  assertRecord(refused.current, WEB, version);
  assert.equal(await stored(backend, API, version), undefined);
  assertRecord(await stored(backend, WEB, version), WEB, version);
}

async function silent(backend: Backend): Promise<void> {
  const version = await seed(backend, [WEB]);
  const watch = backend.watch(ALL);
  await takeSnapshot(watch);
  await refuse(backend, putOf(API), putOf(WEB, { kind: "absent" }));
  const unchanged = await backend.commit([deleteOf(API), { kind: "check", key: WEB.key, preconditions: [] }]);
  assert.equal(unchanged.outcome, "applied");
  // The store's version, which moves on where a log numbers its entries.
  assert.ok(unchanged.version >= version);
  assertRecord(await stored(backend, WEB, unchanged.version), WEB, version);
  const next = await apply(backend, putOf(API));
  assert.ok(next > unchanged.version);
  assert.equal((await takeKind(watch, "commit")).version, next);
}

async function evaluating(backend: Backend): Promise<void> {
  const version = await seed(backend, [WEB]);
  const applied = await backend.commit([deleteOf(WEB, { kind: "exists" }), putOf(API)], {
    evaluateOnly: true,
  });
  assert.deepEqual(applied, { outcome: "applied", version });
  const refused = await backend.commit([putOf(WEB, { kind: "absent" })], { evaluateOnly: true });
  assert.ok(refused.outcome === "refused");
  assertRecord(refused.current, WEB, version);
  assertRecord(await stored(backend, WEB, version), WEB, version);
  assert.equal(await stored(backend, API, version), undefined);
}

async function limits(backend: Backend): Promise<void> {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => putOf(fixture("a", `p/n/x${index}`)));
  await assertFails(() => backend.commit(many(MAX_COMMIT_OPERATIONS + 1)), "invalid");
  await apply(backend, ...many(MAX_COMMIT_OPERATIONS));
  const large = (size: number) => putOf({ ...WEB, record: { ...WEB.record, bytes: new Uint8Array(size) } });
  await assertFails(() => backend.commit([large(MAX_COMMIT_BYTES + 1)]), "invalid");
  await apply(backend, large(MAX_COMMIT_BYTES));
}
