import { describe, expect, it } from "@jest/globals";
import { type StoredEvent, toVersion } from "@trellis/storage";

import { typeString, watchString } from "./key-range.ts";
import { createManualClock } from "./test-support/manual-clock.ts";
import { type Sleeper, WatchHub } from "./watch-hub.ts";

function eventOf(kind: string): StoredEvent {
  const key = { group: "g", kind, partition: "p", namespace: "n", name: "x" };
  const record = {
    key,
    uid: "u",
    groupVersion: "v1",
    generation: "g",
    marked: false,
    bytes: new Uint8Array(),
    version: toVersion(1),
  };
  return { kind: "delete", record };
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
    hub.join(typeString({ group: "g", kind: "k" }), mine.member, -1).sleeping.add(mine.member);
    hub.join(typeString({ group: "g", kind: "other" }), other.member, -1).sleeping.add(other.member);
    for (let position = 3; position < 103; position++) hub.publish([eventOf("k")], position);
    expect(mine.woken).toEqual([]);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([mine.woken, other.woken]).toEqual([[3], []]);
  });

  it("wakes who watches a name for that name alone, whatever its tenancy", async () => {
    const hub = new WatchHub(10, createManualClock());
    const query = { group: "g", kind: "k", partition: "p", namespace: "n" };
    const [all, mine, elsewhere, other] = [sleeper(), sleeper(), sleeper(), sleeper()];
    const queries = [
      [query, all],
      [{ ...query, name: "x" }, mine],
      [{ ...query, namespace: "*", name: "x" }, elsewhere],
      [{ ...query, name: "y" }, other],
    ] as const;
    for (const [one, { member }] of queries) hub.join(watchString(one), member, -1).sleeping.add(member);
    hub.publish([eventOf("k")], 3);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([all, mine, elsewhere, other].map(({ woken }) => woken)).toEqual([[3], [3], [3], []]);
    for (const [one, { member }] of queries) hub.leave(watchString(one), member);
    expect(hub.size).toBe(0);
  });

  it("lets others go first after some hundreds, and tells who is woken twice of the earlier position first", async () => {
    const clock = createManualClock();
    const hub = new WatchHub(2_000, clock);
    const sleepers = Array.from({ length: 1_200 }, sleeper);
    for (const { member } of sleepers)
      hub.join(typeString({ group: "g", kind: "k" }), member, -1).sleeping.add(member);
    const wokenOften = (times: number) => sleepers.filter(({ woken }) => woken.length === times).length;
    const turn = () => new Promise((resolve) => void setImmediate(resolve));
    hub.publish([eventOf("k")], 3);
    const elapsed = clock.elapse(6);
    expect(wokenOften(1)).toBe(500);
    hub.publish([eventOf("k")], 4);
    await elapsed;
    const again = clock.elapse(6);
    while (wokenOften(2) < 1_200) await turn();
    await again;
    expect(sleepers.map(({ woken }) => woken)).toEqual(sleepers.map(() => [3, 4]));
  });

  it("wakes many a little later, once for all that happened, and keeps nobody else waiting", async () => {
    const clock = createManualClock();
    const hub = new WatchHub(2_000, clock);
    const sleepers = Array.from({ length: 1_000 }, sleeper);
    for (const { member } of sleepers)
      hub.join(typeString({ group: "g", kind: "k" }), member, -1).sleeping.add(member);
    const alone = sleeper();
    hub.join(typeString({ group: "g", kind: "other" }), alone.member, -1).sleeping.add(alone.member);
    const woken = (): readonly number[] => sleepers.at(-1)?.woken ?? [];
    hub.publish([eventOf("k"), eventOf("other")], 3);
    await clock.elapse(0);
    expect([woken(), alone.woken]).toEqual([[], [3]]);
    await clock.elapse(4);
    hub.publish([eventOf("k")], 4);
    expect(woken()).toEqual([]);
    await clock.elapse(1);
    expect(woken()).toEqual([3]);
    await clock.elapse(1_000);
    hub.publish([eventOf("k")], 5);
    await clock.elapse(5);
    expect(woken()).toEqual([3, 5]);
  });
});
