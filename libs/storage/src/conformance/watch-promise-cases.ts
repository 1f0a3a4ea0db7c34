import assert from "node:assert/strict";

import type { Backend } from "../backend.ts";
import { keyString } from "../key.ts";
import type { Version } from "../record.ts";
import type { StoredEvent, Watch, WatchBatch } from "../watch.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  ALL,
  apply,
  deleteOf,
  type Fixture,
  fixture,
  putOf,
  seed,
  take,
  takeKind,
  takeSnapshot,
} from "./fixtures.ts";

const COMMITS = 60;
const BOOKMARK_INTERVAL_MS = 1000;

/** The six promises of watches, by name (DESIGN §4). */
export function watchPromiseCases({ open, elapse }: ConformanceOptions): ConformanceCase[] {
  const of = (name: string, body: (backend: Backend) => Promise<void>) => caseOf(name, open, body);
  return [
    of("ordered: commits arrive in the order of their versions", async (backend) => {
      const { batches, versions } = await storm(backend);
      assert.deepEqual(versionsOf(batches), versions);
    }),
    of("ordered: what is at hand may be taken without waiting, in the same order", atHand),
    of("unique: a watch opened amid writes gets each commit once, in its snapshot or after it", unique),
    of("atomic: the events of a commit arrive together, in the order of its operations", atomic),
    of("reliable: the events rebuild the state that a list shows, without a gap", reliable),
    of("resumable: each version that a watch gave is a point to resume from", resumable),
    of("resumable: a resumed watch has no snapshot, and says where it reached the present", resumedEnd),
    of("resumable: a resumed watch waits for a version that the store has yet to reach", async (backend) => {
      const behind = backend.position().version;
      const version = await seed(backend, [fixture("a", "p/n/one")]);
      const watch = backend.watch(ALL, { since: { version: (version * 2 - behind) as Version } });
      const waiting = watch.next();
      await seed(backend, [fixture("a", "p/n/two")]);
      const batch = await waiting;
      assert.equal(batch?.kind, "endOfSnapshot");
    }),
    of("bookmarked: silence is broken by bookmarks, and each is a point to resume from", (backend) =>
      bookmarked(backend, elapse),
    ),
  ];
}

/** Writes, rewrites and deletes, one commit at a time, while a watch reads. */
async function storm(
  backend: Backend,
): Promise<{ readonly batches: readonly WatchBatch[]; readonly versions: readonly Version[] }> {
  const watch = backend.watch(ALL);
  await takeSnapshot(watch);
  const versions = await write(backend, 0, COMMITS);
  return { batches: await takeUpTo(watch, versions.at(-1)), versions };
}

/** Takes what is at hand wherever it may, which is nothing before the snapshot, while somebody waits, and after the end. */
async function atHand(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  assert.equal(watch.take(), undefined);
  await takeSnapshot(watch);
  const waiting = watch.next();
  assert.equal(watch.take(), undefined);
  const versions = await write(backend, 0, COMMITS);
  const found = [versionOf(await waiting)];
  let isAtHand = false;
  while (found.at(-1) !== versions.at(-1)) {
    const batch = watch.take();
    isAtHand ||= batch !== undefined;
    found.push(versionOf(batch ?? (await take(watch))));
  }
  assert.deepEqual(found, versions);
  // Where the store is in this process what was committed is there.
  assert.ok(isAtHand || backend.readNow === undefined, "expected something to be at hand");
  watch.close();
  assert.equal(watch.take(), undefined);
}

function versionOf(batch: WatchBatch | undefined): Version {
  if (batch?.kind !== "commit") assert.fail(`expected a commit, found ${batch?.kind ?? "the end"}`);
  return batch.version;
}

async function write(backend: Backend, from: number, to: number): Promise<Version[]> {
  const versions: Version[] = [];
  for (let count = from; count < to; count++) {
    // Seven names, so that most commits replace, and every fifth deletes what the one before it wrote.
    const target = (at: number) => fixture("a", `p/n/x${at % 7}`, { text: String(at) });
    versions.push(await apply(backend, count % 5 === 4 ? deleteOf(target(count - 1)) : putOf(target(count))));
  }
  return versions;
}

async function takeUpTo(watch: Watch, version: Version | undefined): Promise<WatchBatch[]> {
  const batches: WatchBatch[] = [];
  for (;;) {
    const batch = await take(watch);
    batches.push(batch);
    if (batch.kind !== "snapshot" && batch.version === version) return batches;
  }
}

function versionsOf(batches: readonly WatchBatch[]): readonly Version[] {
  return batches.flatMap((batch) => (batch.kind === "commit" ? [batch.version] : []));
}

async function unique(backend: Backend): Promise<void> {
  const writing = write(backend, 0, COMMITS);
  await backend.read(fixture("a", "p/n/x0").key);
  const watch = backend.watch(ALL);
  const snapshot = await takeSnapshot(watch);
  const versions = await writing;
  const later = versions.filter((version) => version > snapshot.version);
  const batches = later.length === 0 ? [] : await takeUpTo(watch, versions.at(-1));
  assert.deepEqual(versionsOf(batches), later);
  assert.ok(snapshot.records.every(({ version }) => version <= snapshot.version));
}

async function atomic(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  await seed(backend, [fixture("a", "p/n/old")]);
  const { version: since } = await takeSnapshot(watch);
  const fixtures: Fixture[] = Array.from({ length: 50 }, (_, index) => fixture("a", `p/n/x${49 - index}`));
  const version = await apply(
    backend,
    ...fixtures.map((one) => putOf(one)),
    deleteOf(fixture("a", "p/n/old")),
  );
  for (const one of [watch, backend.watch(ALL, { since: { version: since } })]) {
    const batch = (await takeUpTo(one, version)).at(-1);
    assert.ok(batch?.kind === "commit");
    const keys = batch.events.map(({ record }) => keyString(record.key));
    assert.deepEqual(
      keys,
      [...fixtures, fixture("a", "p/n/old")].map(({ key }) => keyString(key)),
    );
    assert.ok(batch.events.every((event) => event.kind === "delete" || event.record.version === version));
  }
}

async function reliable(backend: Backend): Promise<void> {
  await write(backend, 0, 10);
  const watch = backend.watch(ALL);
  const { records } = await takeSnapshot(watch);
  const state = new Map(records.map((record) => [keyString(record.key), record]));
  const versions = await write(backend, 10, COMMITS);
  for (const batch of await takeUpTo(watch, versions.at(-1))) {
    if (batch.kind !== "commit") continue;
    for (const event of batch.events) replay(state, event);
  }
  const listed = await backend.list(ALL, {
    minimum: { version: versions.at(-1) ?? backend.position().version },
  });
  assert.deepEqual(
    [...state.keys()].sort(),
    listed.records.map(({ key }) => keyString(key)),
  );
  for (const record of listed.records) assert.deepEqual(state.get(keyString(record.key)), record);
}

function replay(state: Map<string, StoredEvent["record"]>, event: StoredEvent): void {
  const key = keyString(event.record.key);
  const before = event.kind === "put" ? event.previous : event.record;
  assert.equal(before?.version, state.get(key)?.version, "an event names the record that it replaces");
  if (event.kind === "put") state.set(key, event.record);
  else state.delete(key);
}

async function resumable(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  const { version: start } = await takeSnapshot(watch);
  const versions = await write(backend, 0, COMMITS);
  const points = [start, ...versionsOf(await takeUpTo(watch, versions.at(-1)))];
  for (const since of points) {
    const resumed = backend.watch(ALL, { since: { storeId: backend.position().storeId, version: since } });
    const wanted = versions.filter((version) => version > since);
    const batches = wanted.length === 0 ? [] : await takeUpTo(resumed, versions.at(-1));
    assert.deepEqual(versionsOf(batches), wanted);
    resumed.close();
  }
}

async function resumedEnd(backend: Backend): Promise<void> {
  const first = await seed(backend, [fixture("a", "p/n/one")]);
  const second = await seed(backend, [fixture("a", "p/n/two")]);
  const watch = backend.watch(ALL, { since: { version: first } });
  assert.equal((await takeKind(watch, "commit")).version, second);
  assert.equal((await takeKind(watch, "endOfSnapshot")).version, second);
  const third = await seed(backend, [fixture("a", "p/n/three")]);
  assert.equal((await takeKind(watch, "commit")).version, third);
}

async function bookmarked(backend: Backend, elapse: ConformanceOptions["elapse"]): Promise<void> {
  const watch = backend.watch(ALL, { bookmarkIntervalMs: BOOKMARK_INTERVAL_MS });
  await takeSnapshot(watch);
  const unseen = await seed(backend, [fixture("b", "p/n/another-type")]);
  const waiting = takeKind(watch, "bookmark");
  await elapse(BOOKMARK_INTERVAL_MS);
  const { version } = await waiting;
  assert.ok(version >= unseen, "a bookmark moves on past commits that the watch is not told of");
  const seen = await seed(backend, [fixture("a", "p/n/watched")]);
  assert.equal((await takeKind(watch, "commit")).version, seen);
  const resumed = backend.watch(ALL, { since: { version } });
  assert.equal((await takeKind(resumed, "commit")).version, seen);
}
