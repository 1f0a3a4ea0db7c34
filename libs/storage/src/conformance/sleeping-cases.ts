import assert from "node:assert/strict";

import type { Backend, TypeQuery, WatchOptions } from "../backend.ts";
import type { CommitBatch, CommitTaker, Watch, WatchBatch, WatchSleeper } from "../watch.ts";
import { caseOf, type ConformanceCase, type ConformanceOptions } from "./conformance-case.ts";
import {
  ALL,
  apply,
  assertFails,
  fixture,
  outgrowHistory,
  putOf,
  seed,
  take,
  takeKind,
  takeSnapshot,
} from "./fixtures.ts";

const BOOKMARK_INTERVAL_MS = 1000;
/** So many may be woken some milliseconds later than a few are, and are all woken after so many. */
const MANY_WATCHES = 400;
const MANY_WAKINGS_MS = 50;
/** What is stored reaches the watches of a backend within so many of its turns, seconds on a disk that is slow. */
const MAX_TURNS = 20_000;

type Elapse = ConformanceOptions["elapse"];
type SleepingBody = (backend: Backend, elapse: Elapse) => Promise<void>;

/** A watch that can be waited for without a promise. */
type SleepingWatch = Watch & Required<Pick<Watch, "sleep" | "offer">>;

/** How watches are waited for without a promise, and offer what is at hand; where they do neither, that they do not. */
export function sleepingCases({
  open,
  openSmall,
  elapse,
  watchesSleep = false,
}: ConformanceOptions): ConformanceCase[] {
  const of = (name: string, body: SleepingBody, opening = open) =>
    caseOf(name, opening, (backend) => body(backend, elapse));
  if (!watchesSleep) return [of("a watch that cannot sleep says so by having no way to", hasNoWay)];
  const small =
    openSmall === undefined
      ? []
      : [
          of(
            "sleeping: watches whose bookmarks are due before they are woken hear of what happened, however much happened to others",
            dueBeforeItsWaking,
            openSmall,
          ),
        ];
  return [
    of("sleeping: a watch is woken once, finds what happened, and may sleep on", wokenOnce),
    of("sleeping: a watch may be asked by a promise while it is being woken", askedWhileWoken),
    of("sleeping: a watch does not sleep before the present, over what is there, nor at its end", staysAwake),
    of("sleeping: a watch has one consumer", oneConsumer),
    of("sleeping: a watch is woken when it is over, of which next tells", wokenAtItsEnd),
    of("sleeping: a watch is woken when a bookmark is due, in each silence", wokenForBookmarks),
    ...small,
    of(
      "offering: what is at hand is the same for all that stand at the same point and ask alike, and counts once it is taken",
      offered,
    ),
  ];
}

async function hasNoWay(backend: Backend): Promise<void> {
  const watch = backend.watch(ALL);
  assert.ok(
    watch.sleep === undefined && watch.offer === undefined,
    "expected a watch without `sleep` and `offer`, found one that has them; have it checked by `watchesSleep`",
  );
}

async function wokenOnce(backend: Backend, elapse: Elapse): Promise<void> {
  const watch = await follow(backend);
  const seen: string[] = [];
  const sleptOn: boolean[] = [];
  const sleeper = new CountingSleeper(() => {
    seen.push(...takeAll(watch));
    if (sleeper.wakings < 3) sleptOn.push(watch.sleep(sleeper));
  });
  fallAsleep(watch, sleeper);
  for (const [index, name] of ["one", "two", "three"].entries()) {
    await seed(backend, [fixture("a", `p/n/${name}`)]);
    await until(() => sleeper.wakings > index, elapse);
  }
  assert.deepEqual(seen, ["one", "two", "three"]);
  assert.deepEqual(sleptOn, [true, true]);
  // It did not sleep on: nobody tells it.
  await seed(backend, [fixture("a", "p/n/four")]);
  assert.deepEqual(namesOf(await takeKind(watch, "commit")), ["four"]);
  await elapse(0);
  assert.equal(sleeper.wakings, 3);
}

async function askedWhileWoken(backend: Backend, elapse: Elapse): Promise<void> {
  const watch = await follow(backend);
  let found: WatchBatch | undefined;
  const sleeper = new CountingSleeper(() => {
    takeAll(watch);
    void watch.next().then((batch) => (found = batch));
  });
  fallAsleep(watch, sleeper);
  await seed(backend, [fixture("a", "p/n/one")]);
  await until(() => sleeper.wakings > 0, elapse);
  await seed(backend, [fixture("a", "p/n/two")]);
  await until(() => found !== undefined, elapse);
  assert.deepEqual(namesOf(found), ["two"]);
  assert.equal(sleeper.wakings, 1);
}

async function staysAwake(backend: Backend, elapse: Elapse): Promise<void> {
  const never = new CountingSleeper();
  assert.equal(asSleeping(backend.watch(ALL)).sleep(never), false, "before it has come to the present");
  const watch = await follow(backend);
  const sleeper = new CountingSleeper();
  fallAsleep(watch, sleeper);
  await seed(backend, [fixture("a", "p/n/web")]);
  await until(() => sleeper.wakings > 0, elapse);
  assert.equal(watch.sleep(never), false, "over what is there");
  assert.deepEqual(takeAll(watch), ["web"]);
  const waiting = watch.next();
  assert.equal(watch.sleep(never), false, "while somebody waits by a promise");
  watch.close();
  assert.equal(await waiting, undefined);
  assert.equal(watch.sleep(never), false, "once it is over");
  assert.equal(never.wakings, 0);
}

async function oneConsumer(backend: Backend, elapse: Elapse): Promise<void> {
  const watch = await follow(backend);
  const [sleeper, second] = [new CountingSleeper(), new CountingSleeper()];
  fallAsleep(watch, sleeper);
  assert.equal(watch.sleep(second), false);
  await assertFails(() => Promise.race([watch.next(), elapse(0)]), "invalid");
  await seed(backend, [fixture("a", "p/n/web")]);
  await until(() => sleeper.wakings > 0, elapse);
  assert.deepEqual(takeAll(watch), ["web"]);
  assert.equal(second.wakings, 0);
}

async function wokenAtItsEnd(backend: Backend): Promise<void> {
  const leaving = new AbortController();
  const aborted = await follow(backend, {}, { signal: leaving.signal });
  const [closed, left] = [await follow(backend), await follow(backend)];
  const sleepers = [aborted, closed, left].map((watch) => {
    const sleeper = new CountingSleeper();
    fallAsleep(watch, sleeper);
    return sleeper;
  });
  const wakings = () => sleepers.map((sleeper) => sleeper.wakings);
  leaving.abort();
  closed.close();
  assert.deepEqual(wakings(), [1, 1, 0]);
  await assertFails(() => aborted.next(), "aborted");
  assert.equal(await closed.next(), undefined);
  await backend.close();
  assert.deepEqual(wakings(), [1, 1, 1]);
  await assertFails(() => left.next(), "watch-closed");
}

async function wokenForBookmarks(backend: Backend, elapse: Elapse): Promise<void> {
  const before = await seed(backend);
  const watch = await follow(backend, {}, { bookmarkIntervalMs: BOOKMARK_INTERVAL_MS });
  for (const silence of ["the first silence", "the next"]) {
    const sleeper = new CountingSleeper();
    fallAsleep(watch, sleeper);
    await elapse(BOOKMARK_INTERVAL_MS / 2);
    assert.equal(sleeper.wakings, 0, silence);
    await elapse(BOOKMARK_INTERVAL_MS);
    assert.equal(sleeper.wakings, 1, silence);
    assert.equal(watch.sleep(sleeper), false, "a bookmark is there for next");
    assert.ok((await takeKind(watch, "bookmark")).version >= before, "it is of what was seen before");
  }
}

/** Half of them wait by a promise. */
async function dueBeforeItsWaking(backend: Backend, elapse: Elapse): Promise<void> {
  const watches: SleepingWatch[] = [];
  while (watches.length < MANY_WATCHES)
    watches.push(await follow(backend, { name: "mine" }, { bookmarkIntervalMs: BOOKMARK_INTERVAL_MS }));
  const found = new Map<Watch, WatchBatch | undefined>();
  const waiting = watches.splice(MANY_WATCHES / 2);
  for (const watch of watches) fallAsleep(watch, { wake: () => void found.set(watch, watch.take()) });
  const answers = Promise.allSettled(waiting.map(async (watch) => void found.set(watch, await watch.next())));
  await outgrowHistory(backend);
  await elapse(BOOKMARK_INTERVAL_MS - 1);
  // One who watches all, and alone, hears first.
  const [quick, heard] = [await follow(backend), new CountingSleeper()];
  fallAsleep(quick, heard);
  await apply(backend, putOf(fixture("a", "p/n/mine")));
  await until(() => heard.wakings > 0, elapse);
  await elapse(MANY_WAKINGS_MS);
  for (const answer of await answers) if (answer.status === "rejected") throw answer.reason;
  assert.equal(found.size, MANY_WATCHES);
  for (const [watch, batch] of found) assert.deepEqual(namesOf(await commitFrom(watch, batch)), ["mine"]);
}

/** What was found, or the first commit after it: where time does not stand still, bookmarks may have come before. */
async function commitFrom(watch: Watch, found: WatchBatch | undefined): Promise<WatchBatch> {
  let batch = found ?? (await take(watch));
  while (batch.kind === "bookmark") batch = await take(watch);
  return batch;
}

async function offered(backend: Backend, elapse: Elapse): Promise<void> {
  const [one, alike] = [await follow(backend), await follow(backend)];
  const selective = await follow(backend, { namePrefix: "b" });
  await seed(backend, [fixture("a", "p/n/a"), fixture("a", "p/n/b")]);
  const all = [one, alike, selective];
  await until(() => all.every((watch) => look(watch)?.flatMap(namesOf).at(-1) === "b"), elapse);
  const looks = all.map(look);
  assert.deepEqual(
    looks.map((commits) => commits?.map(namesOf)),
    [[["a"], ["b"]], [["a"], ["b"]], [["b"]]],
  );
  assert.equal(looks[0], looks[1], "who stands at the same point and asks alike is offered the same object");
  const taker: CommitTaker = { takeCommits: () => true };
  assert.equal(one.offer(taker), true);
  assert.equal(one.take(), undefined);
  assert.equal(one.offer(taker), false, "nothing is left to offer");
  assert.deepEqual(namesOf(alike.take()), ["a"]);
  assert.deepEqual(takeAll(selective), ["b"]);
  // Who stands elsewhere is offered what it has not seen.
  assert.deepEqual(look(alike)?.map(namesOf), [["b"]]);
}

/** Counts how often it is woken. */
class CountingSleeper implements WatchSleeper {
  wakings = 0;
  readonly #onWake: () => void;

  constructor(onWake: () => void = () => undefined) {
    this.#onWake = onWake;
  }

  wake(): void {
    this.wakings++;
    this.#onWake();
  }
}

function asSleeping(watch: Watch): SleepingWatch {
  if (watch.sleep === undefined || watch.offer === undefined)
    assert.fail("expected a watch that has `sleep` and `offer`, found none; say so by `watchesSleep`");
  return watch as SleepingWatch;
}

/** Opens a watch and has it come to the present. */
async function follow(
  backend: Backend,
  query: Partial<TypeQuery> = {},
  options: WatchOptions = {},
): Promise<SleepingWatch> {
  const watch = asSleeping(backend.watch({ ...ALL, ...query }, options));
  await takeSnapshot(watch);
  return watch;
}

/** Waits for a watch that has nothing at hand. */
function fallAsleep(watch: SleepingWatch, sleeper: WatchSleeper): void {
  assert.equal(watch.take(), undefined);
  assert.equal(watch.sleep(sleeper), true, "expected a watch in the present to sleep");
}

/** What a watch offers, without taking it. */
function look(watch: SleepingWatch): readonly CommitBatch[] | undefined {
  let found: readonly CommitBatch[] | undefined;
  const isTaken = watch.offer({
    takeCommits(commits) {
      found = commits;
      return false;
    },
  });
  assert.equal(isTaken, false);
  return found;
}

/** The names in all commits that are at hand. */
function takeAll(watch: Watch): readonly string[] {
  const names: string[] = [];
  for (let batch = watch.take(); batch !== undefined; batch = watch.take()) names.push(...namesOf(batch));
  return names;
}

function namesOf(batch: WatchBatch | undefined): readonly string[] {
  if (batch?.kind !== "commit") assert.fail(`expected a commit, found ${batch?.kind ?? "nothing"}`);
  return batch.events.map(({ record }) => record.key.name);
}

/** Gives the backend turns, but no time, until something holds. */
async function until(holds: () => boolean, elapse: Elapse): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    assert.ok(turns < MAX_TURNS, `expected ${holds.toString()} within ${MAX_TURNS} turns`);
    await elapse(0);
  }
}
