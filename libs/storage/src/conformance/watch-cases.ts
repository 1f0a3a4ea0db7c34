import assert from "node:assert/strict";

import type { Backend, TypeQuery } from "../backend.ts";
import { StorageError } from "../errors.ts";
import type { WatchBatch } from "../watch.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  ALL,
  apply,
  assertFails,
  assertRecord,
  assertRecords,
  deleteOf,
  FILTERS,
  fixture,
  outgrowHistory,
  putOf,
  seed,
  SEEDS,
  takeKind,
  takeSnapshot,
} from "./fixtures.ts";

const FIRST_SNAPSHOT = 29;
const FIRST_FOLLOWING = 36;

/** Storage cases 29–42: the snapshot of a watch and what follows it; then how watches begin again and end. */
export function watchCases({
  open,
  openSmall,
  watchesAreBuffered = false,
}: ConformanceOptions): ConformanceCase[] {
  const of = (name: string, body: (backend: Backend) => Promise<void>) => caseOf(name, open, body);
  const small =
    openSmall === undefined
      ? []
      : [
          watchesAreBuffered
            ? caseOf(
                "a watch that the history went past is whole as far as it was sent",
                openSmall,
                bufferedWatch,
              )
            : caseOf(
                "a watch that the history went past ends as slow, naming where to resume",
                openSmall,
                slowWatch,
              ),
          caseOf("a watch cannot resume from before the history", openSmall, historyGone),
          caseOf("a list of a version from before the history is gone", openSmall, versionGone),
        ];
  return [
    ...FILTERS.flatMap(({ name, query, seeds }, index) => [
      of(
        `storage ${FIRST_SNAPSHOT + index}: a watch begins with a snapshot of ${name} (T556)`,
        async (backend) => {
          await seed(backend);
          const { records } = await takeSnapshot(backend.watch(query));
          assertRecords(
            records,
            SEEDS.filter((_, seedIndex) => seeds.includes(seedIndex)),
          );
        },
      ),
      of(
        `storage ${FIRST_FOLLOWING + index}: a watch goes on with the changes of ${name}, and reads are never older (T557)`,
        (backend) => following(backend, query, seeds),
      ),
    ]),
    of("a watch of one name is told of that name only", oneName),
    of("a re-created resource arrives as a delete and a put of the new incarnation", recreated),
    of("a closed watch completes, also one that waits", closing),
    of("a watch ends with its signal", async (backend) => {
      const controller = new AbortController();
      const watch = backend.watch(ALL, { signal: controller.signal });
      await takeSnapshot(watch);
      const waiting = watch.next();
      controller.abort();
      await assertFails(() => waiting, "aborted");
    }),
    of("closing the backend ends its watches", async (backend) => {
      const watch = backend.watch(ALL);
      await takeSnapshot(watch);
      const failing = assertFails(() => watch.next(), "watch-closed");
      await backend.close();
      await failing;
    }),
    of("a watch cannot resume in another store", async (backend) => {
      const { version } = backend.position();
      const since = { storeId: "00000000000000000000000000", version };
      await assertFails(() => backend.watch(ALL, { since }).next(), "store-changed");
    }),
    ...small,
  ];
}

async function following(backend: Backend, query: TypeQuery, seeds: readonly number[]): Promise<void> {
  const watch = backend.watch(query);
  assert.deepEqual((await takeSnapshot(watch)).records, []);
  for (const one of SEEDS) await apply(backend, putOf(one));
  for (const index of seeds) {
    const { events, version } = await takeKind(watch, "commit");
    const [event] = events;
    assert.ok(events.length === 1 && event?.kind === "put");
    const expected = SEEDS[index] ?? assert.fail("no such seed");
    assertRecord(event.record, expected, version);
    assert.equal(event.previous, undefined);
    assertRecord((await backend.read(event.record.key)).record, expected, version);
  }
  const victim = SEEDS[seeds.at(-1) ?? 0] ?? assert.fail("no such seed");
  const { record } = await backend.read(victim.key);
  assert.ok(record !== undefined);
  await apply(backend, deleteOf(victim, { kind: "version", version: record.version }));
  const [event] = (await takeKind(watch, "commit")).events;
  assert.equal(event?.kind, "delete");
  assertRecord(event?.record, victim, record.version);
  assert.equal((await backend.read(victim.key)).record, undefined);
}

async function oneName(backend: Backend): Promise<void> {
  const watch = backend.watch({ ...ALL, name: "api" });
  await takeSnapshot(watch);
  const version = await seed(backend, [
    fixture("a", "p/n/web"),
    fixture("a", "p/n/api-2"),
    fixture("a", "p/n/api"),
  ]);
  assert.equal((await takeKind(watch, "commit")).version, version);
}

async function recreated(backend: Backend): Promise<void> {
  const old = fixture("a", "p/n/web");
  const renewed = fixture("a", "p/n/web", { uid: "b" });
  await seed(backend, [old]);
  const watch = backend.watch(ALL);
  await takeSnapshot(watch);
  await apply(backend, deleteOf(old));
  await apply(backend, putOf(renewed));
  const [gone] = (await takeKind(watch, "commit")).events;
  const [put] = (await takeKind(watch, "commit")).events;
  assert.equal(gone?.kind, "delete");
  assertRecord(gone?.record, old);
  assert.ok(put?.kind === "put" && put.previous === undefined);
  assertRecord(put.record, renewed);
}

async function closing(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  await takeSnapshot(watch);
  const waiting = watch.next();
  watch.close();
  watch.close();
  assert.equal(await waiting, undefined);
  assert.equal(await watch.next(), undefined);
}

async function slowWatch(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  const { version } = await takeSnapshot(watch);
  await outgrowHistory(backend);
  const error = await assertFails(() => watch.next(), "slow-watcher");
  assert.equal(error.resumeVersion, version);
}

async function bufferedWatch(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  let { version } = await takeSnapshot(watch);
  await outgrowHistory(backend);
  const last = backend.position().version;
  while (version < last) {
    const next = await watch.next().catch((error: unknown) => error);
    if (StorageError.is(next)) {
      assert.equal(next.code, "slow-watcher");
      assert.equal(next.resumeVersion, version);
      return;
    }
    const batch = next as WatchBatch | undefined;
    assert.ok(batch?.kind === "commit");
    assert.equal(batch.version, version + 1);
    ({ version } = batch);
  }
}

async function historyGone(backend: Backend): Promise<void> {
  const { version } = backend.position();
  await outgrowHistory(backend);
  await assertFails(() => backend.watch(ALL, { since: { version } }).next(), "history-gone");
}

async function versionGone(backend: Backend): Promise<void> {
  const version = await seed(backend, [fixture("a", "p/n/web")]);
  await outgrowHistory(backend);
  await assertFails(() => backend.list(ALL, { atVersion: version }), "version-gone");
}
