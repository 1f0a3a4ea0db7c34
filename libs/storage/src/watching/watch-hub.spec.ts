import { describe, expect, it } from "@jest/globals";
import type { Clock } from "@trellis/resource";

import { typeString } from "./query-match.ts";
import { type Sleeper, WatchHub } from "./watch-hub.ts";

/** A commit to the resource x of each kind. */
function publish(hub: WatchHub, kinds: readonly string[], position: number): void {
  for (const kind of kinds) hub.touch(typeString({ group: "g", kind }), "x", position);
}

/** A clock that moves when told, calls what falls due, and then lets the event loop turn once. */
function createManualClock(): Clock & { readonly elapse: (milliseconds: number) => Promise<void> } {
  let elapsedMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    now: () => elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { atMs: elapsedMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async elapse(milliseconds) {
      elapsedMs += milliseconds;
      for (const timer of timers) if (timer.atMs <= elapsedMs && timers.delete(timer)) timer.callback();
      await new Promise((resolve) => void setImmediate(resolve));
    },
  };
}

function queryOf(kind: string) {
  return { group: "g", kind, partition: "p", namespace: "n" };
}

function sleeper() {
  const woken: number[] = [];
  const member: Sleeper = { wake: (position) => woken.push(position), fail: () => undefined };
  return { member, woken };
}

describe("the watch hub", () => {
  it("wakes who sleeps on a touched type once per turn, from the first commit that touched it", async () => {
    const hub = new WatchHub(10, createManualClock());
    const [mine, other] = [sleeper(), sleeper()];
    hub.join(queryOf("k"), mine.member, -1).sleeping.add(mine.member);
    hub.join(queryOf("other"), other.member, -1).sleeping.add(other.member);
    for (let position = 3; position < 103; position++) publish(hub, ["k"], position);
    expect(mine.woken).toEqual([]);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([mine.woken, other.woken]).toEqual([[3], []]);
  });

  it("wakes who watches a name for that name alone, whatever its tenancy", async () => {
    const hub = new WatchHub(10, createManualClock());
    const query = queryOf("k");
    const [all, mine, elsewhere, other] = [sleeper(), sleeper(), sleeper(), sleeper()];
    const queries = [
      [query, all],
      [{ ...query, name: "x" }, mine],
      [{ ...query, namespace: "*", name: "x" }, elsewhere],
      [{ ...query, name: "y" }, other],
    ] as const;
    for (const [one, { member }] of queries) hub.join(one, member, -1).sleeping.add(member);
    publish(hub, ["k"], 3);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([all, mine, elsewhere, other].map(({ woken }) => woken)).toEqual([[3], [3], [3], []]);
    for (const [one, { member }] of queries) hub.leave(one, member);
    expect(hub.size).toBe(0);
  });

  it("lets others go first after some hundreds, and tells who is woken twice of the earlier position first", async () => {
    const clock = createManualClock();
    const hub = new WatchHub(2_000, clock);
    const sleepers = Array.from({ length: 1_200 }, sleeper);
    for (const { member } of sleepers) hub.join(queryOf("k"), member, -1).sleeping.add(member);
    const wokenOften = (times: number) => sleepers.filter(({ woken }) => woken.length === times).length;
    const turn = () => new Promise((resolve) => void setImmediate(resolve));
    publish(hub, ["k"], 3);
    const elapsed = clock.elapse(6);
    expect(wokenOften(1)).toBe(500);
    publish(hub, ["k"], 4);
    await elapsed;
    const again = clock.elapse(6);
    while (wokenOften(2) < 1_200) await turn();
    await again;
    expect(sleepers.map(({ woken }) => woken)).toEqual(sleepers.map(() => [3, 4]));
  });

  it("tells no more in a turn where they are of many types", async () => {
    const hub = new WatchHub(2_000, createManualClock());
    const kinds = Array.from({ length: 10 }, (_, at) => `k${at}`);
    const sleepers = kinds.flatMap((kind) =>
      Array.from({ length: 120 }, () => {
        const one = sleeper();
        hub.join(queryOf(kind), one.member, -1).sleeping.add(one.member);
        return one;
      }),
    );
    const woken: number[] = [];
    publish(hub, kinds, 3);
    for (let turn = 0; turn < 4; turn++) {
      await new Promise((resolve) => void setImmediate(resolve));
      woken.push(sleepers.filter(({ woken: [position] }) => position === 3).length);
    }
    expect(woken).toEqual([500, 1_000, 1_200, 1_200]);
  });

  it("wakes many a little later, once for all that happened, and keeps nobody else waiting", async () => {
    const clock = createManualClock();
    const hub = new WatchHub(2_000, clock);
    const sleepers = Array.from({ length: 1_000 }, sleeper);
    for (const { member } of sleepers) hub.join(queryOf("k"), member, -1).sleeping.add(member);
    const alone = sleeper();
    hub.join(queryOf("other"), alone.member, -1).sleeping.add(alone.member);
    const woken = (): readonly number[] => sleepers.at(-1)?.woken ?? [];
    publish(hub, ["k", "other"], 3);
    await clock.elapse(0);
    expect([woken(), alone.woken]).toEqual([[], [3]]);
    await clock.elapse(4);
    publish(hub, ["k"], 4);
    expect(woken()).toEqual([]);
    await clock.elapse(1);
    expect(woken()).toEqual([3]);
    await clock.elapse(1_000);
    publish(hub, ["k"], 5);
    await clock.elapse(5);
    expect(woken()).toEqual([3, 5]);
  });
});
