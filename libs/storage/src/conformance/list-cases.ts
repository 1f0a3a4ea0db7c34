import assert from "node:assert/strict";

import type { Backend, ListOptions, TypeQuery } from "../backend.ts";
import { keyString } from "../key.ts";
import { toVersion, type Version } from "../record.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  ALL,
  apply,
  assertFails,
  assertRecords,
  deleteOf,
  type Fixture,
  FILTERS,
  fixture,
  putOf,
  seed,
  SEEDS,
} from "./fixtures.ts";

const FIRST_EVENTUAL_LIST = 15;
const FIRST_STRONG_LIST = 22;

/** Storage cases 15–28 and 43–46: lists by type and by owner; then pages and older versions. */
export function listCases({ open }: ConformanceOptions): ConformanceCase[] {
  const of = (name: string, body: (backend: Backend) => Promise<void>) => caseOf(name, open, body);
  return [
    ...FILTERS.flatMap(({ name, query, seeds, listCase }, index) => [
      of(
        `storage ${FIRST_EVENTUAL_LIST + index}: an eventual list shows ${name} (${listCase})`,
        async (backend) => {
          const version = await seed(backend);
          await showsSeeds(backend, query, seeds, { minimum: { version } });
        },
      ),
      of(
        `storage ${FIRST_STRONG_LIST + index}: a strong list shows ${name} (${listCase})`,
        async (backend) => {
          await seed(backend);
          await showsSeeds(backend, query, seeds, { consistency: "strong" });
        },
      ),
    ]),
    of(
      "storage 43, 44, 45, 46: a list by owner shows what the incarnation owns, also after its deletion (T546 T547 T548 T549)",
      ownerList,
    ),
    of("lists are in the order of the keys", async (backend) => {
      const version = await seed(backend, SEEDS.toReversed());
      const { records } = await backend.list(ALL, { minimum: { version } });
      const keys = records.map(({ key }) => keyString(key));
      assert.deepEqual(keys, keys.toSorted());
    }),
    of("a list of one name shows that name only", async (backend) => {
      const version = await seed(backend, [
        fixture("a", "p/n/web"),
        fixture("a", "p/n/web-2"),
        fixture("a", "q/n/web"),
      ]);
      const named = async (partition: string) =>
        (await backend.list({ ...ALL, partition, namespace: "n", name: "web" }, { minimum: { version } }))
          .records.length;
      assert.deepEqual([await named("p"), await named("*")], [1, 2]);
    }),
    of("pages of one version show it whole, whatever is written between them", pages),
    of("a list at an older version shows the store as it was then", olderVersion),
    of("a list by owner at an older version shows what was owned then", olderOwned),
    of("a list at a version of the future is invalid", async (backend) => {
      const atVersion = toVersion((await seed(backend)) + 1000);
      await assertFails(() => backend.list(ALL, { atVersion }), "invalid");
    }),
  ];
}

async function showsSeeds(
  backend: Backend,
  query: TypeQuery,
  seeds: readonly number[],
  options: ListOptions,
): Promise<void> {
  const { records, more } = await backend.list(query, options);
  assertRecords(
    records,
    SEEDS.filter((_, index) => seeds.includes(index)),
  );
  assert.equal(more, false);
}

async function ownerList(backend: Backend): Promise<void> {
  const owner = fixture("a", "default/default/owner");
  const owned = { owner: { key: owner.key, uid: "a" } };
  const first = fixture("b", "default/default/r1", owned);
  const second = fixture("a", "default/default/r2", { ...owned, groupVersion: "v2" });
  await apply(backend, putOf(owner));
  await apply(backend, putOf(first));
  const shows = async (version: Version, uid: string, expected: readonly Fixture[]) => {
    const { records } = await backend.list({ owner: { key: owner.key, uid } }, { minimum: { version } });
    assertRecords(records, expected);
  };
  const both = await apply(backend, putOf(second));
  await shows(both, "a", [first, second]);
  await shows(both, "different", []);
  await shows(await apply(backend, deleteOf(owner)), "a", [first, second]);
  await shows(await apply(backend, deleteOf(second)), "a", [first]);
}

async function pages(backend: Backend): Promise<void> {
  const version = await seed(backend);
  const before = await backend.list(ALL, { minimum: { version } });
  const seen: string[] = [];
  let page = await backend.list(ALL, { limit: 2, minimum: { version } });
  assert.equal(page.more, true);
  const atVersion = page.position.version;
  for (let count = 0; ; count++) {
    assert.ok(page.records.length <= 2);
    assert.equal(page.position.version, atVersion);
    seen.push(...page.records.map(({ key }) => keyString(key)));
    if (!page.more) break;
    await apply(
      backend,
      deleteOf(SEEDS[count] ?? fixture("a", "x/y/z")),
      putOf(fixture("a", `default/default/b${count}`)),
    );
    page = await backend.list(ALL, { atVersion, limit: 2, after: page.records.at(-1)?.key });
  }
  assert.deepEqual(
    seen,
    before.records.map(({ key }) => keyString(key)),
  );
}

async function olderVersion(backend: Backend): Promise<void> {
  const version = await seed(backend);
  const before = await backend.list(ALL, { minimum: { version } });
  await apply(backend, putOf(fixture("a", "default/default/api", { text: "changed" })));
  await apply(backend, deleteOf(fixture("a", "default/default/admin")));
  await apply(backend, putOf(fixture("a", "default/default/new")));
  const after = await backend.list(ALL, { atVersion: version });
  assert.deepEqual(after.records, before.records);
  assert.equal(after.position.version, version);
}

async function olderOwned(backend: Backend): Promise<void> {
  const owner = { key: fixture("a", "default/default/owner").key, uid: "a" };
  const kept = fixture("b", "default/default/kept", { owner });
  const left = fixture("b", "default/default/left", { owner });
  const version = await seed(backend, [kept, left]);
  await apply(backend, putOf(fixture("b", "default/default/left")));
  await apply(backend, putOf(fixture("b", "default/default/later", { owner })));
  assertRecords((await backend.list({ owner }, { atVersion: version })).records, [kept, left]);
}
