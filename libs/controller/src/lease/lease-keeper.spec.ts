import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";

import { Artist } from "../test-support/run.ts";
import { CONTROLLER_LEASES, Lease } from "./lease.ts";
import { LeaseLostError } from "./lease-term.ts";
import { createLeaseWorld, type KeptLeases, type LeaseWorld } from "./test-support/lease-world.ts";

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
afterEach(() => world.close());

/** Two processes that want one lease; the first has it. */
async function holderAndStandby(options: Parameters<LeaseWorld["keep"]>[2] = {}) {
  const holder = world.keep("first", ["a"], options);
  await world.clock.advance(10);
  const standby = world.keep("second", ["a"], options);
  await world.clock.advance(10);
  expect(holder.told).toEqual(["0 taken a"]);
  return { holder, standby };
}

function died({ network }: KeptLeases): void {
  network.cut = true;
}

describe("a lease", () => {
  it("is held by one of two, and the other knows by whom", async () => {
    const { standby } = await holderAndStandby();
    await world.clock.advance(60_000);
    expect(standby.told).toEqual([]);
    expect(standby.keeper.holderOf("controller-a")).toBe("first");
    expect((await world.lease("a")).data).toMatchObject({ holderName: "first", transitions: 1n });
  });

  it("costs one renewal a second together with all others of its holder, and stays as it was taken", async () => {
    world.keep("first", ["a", "b", "c", "d"]);
    await world.clock.advance(500);
    const before = await world.lease("a");
    const { version } = world.server.backend.position();
    await world.clock.advance(10_000);
    expect((await world.lease("a")).version).toBe(before.version);
    expect(world.server.backend.position().version - version).toBe(10);
  });

  it("is taken within its duration when its holder died", async () => {
    const { holder, standby } = await holderAndStandby();
    await world.clock.advance(2_970); // the holder renews at 3,000
    died(holder);
    await world.clock.advance(10_000);
    // Last seen to change at 2,000.
    expect(standby.told).toEqual(["6000 taken a"]);
    expect(standby.lines).toContainEqual({
      level: "info",
      message: "lease taken",
      fields: { lease: "controller-a", from: "first" },
    });
    expect((await world.lease("a")).data.transitions).toBe(2n);
  });

  it("is handed back at the end, and taken at once", async () => {
    const { holder, standby } = await holderAndStandby();
    await holder.keeper.stop();
    await world.clock.advance(0);
    expect(standby.told).toEqual(["20 taken a"]);
  });

  it("is waited for by who starts after its holder died", async () => {
    const holder = world.keep("first");
    await world.clock.advance(100);
    died(holder);
    await world.clock.advance(60_000);
    const late = world.keep("late");
    await world.clock.advance(10_000);
    expect(late.told).toEqual(["64100 taken a"]);
  });

  it("keeps what people wrote on it, which costs its holder the term and nobody else gets", async () => {
    const { holder, standby } = await holderAndStandby();
    const { data, version } = await world.lease("a");
    await world.client.write(Lease, { name: "controller-a", metadata: { team: "web" }, data, version });
    await world.clock.advance(100);
    expect(holder.told).toEqual(["0 taken a", "20 lost a", "20 taken a"]);
    expect(standby.told).toEqual([]);
    expect((await world.lease("a")).metadata).toEqual({ team: "web" });
  });

  it("that somebody deletes is lost, and made anew", async () => {
    const { holder, standby } = await holderAndStandby();
    await world.client.delete(Lease, { name: "controller-a" });
    await world.clock.advance(1_000);
    const told = [...holder.told, ...standby.told];
    expect(told.filter((line) => line.includes("lost"))).toEqual(["20 lost a"]);
    expect(told.filter((line) => line.includes("taken"))).toHaveLength(2);
  });
});

describe("a holder that cannot renew", () => {
  it("takes its lease for lost before anybody else may take it", async () => {
    const { holder, standby } = await holderAndStandby();
    await world.clock.advance(2_500);
    died(holder);
    await world.clock.advance(10_000);
    // The last renewal was sent, and seen, at 2,000.
    expect(holder.told).toEqual(["0 taken a", "5500 lost a"]);
    expect(standby.told).toEqual(["6000 taken a"]);
  });

  it("counts from before it sent the last renewal, however late the answer came", async () => {
    const { holder, standby } = await holderAndStandby();
    holder.network.answerMs = 2_000;
    await world.clock.advance(2_500); // sent at 1,000, answered at 3,000
    holder.network.holdRequests();
    await world.clock.advance(10_000);
    expect(holder.told).toEqual(["0 taken a", "4500 lost a"]);
    expect(standby.told).toEqual(["5000 taken a"]);
  });

  it("is safe from others whose clocks run a tenth faster", async () => {
    const holder = world.keep("first", ["a"]);
    await world.clock.advance(10);
    const standby = world.keep("second", ["a"], { rate: 1.1 });
    await world.clock.advance(2_490);
    died(holder);
    await world.clock.advance(10_000);
    const at = (words: string[], what: string): number =>
      Number.parseFloat(words.find((line) => line.includes(what)) ?? "");
    expect(at(holder.told, "lost")).toBeLessThan(at(standby.told, "taken"));
  });

  it("takes it again once it can, when nobody else has", async () => {
    const holder = world.keep("first");
    await world.clock.advance(100);
    died(holder);
    await world.clock.advance(20_000);
    holder.network.cut = false;
    await world.clock.advance(11_000);
    expect(holder.told.slice(0, 2)).toEqual(["0 taken a", "3500 lost a"]);
    expect(holder.told).toHaveLength(3);
  });

  it("is not told of a renewal that failed in between", async () => {
    const { holder, standby } = await holderAndStandby();
    for (let round = 0; round < 5; round++) {
      holder.network.cut = true;
      await world.clock.advance(2_200);
      holder.network.cut = false;
      await world.clock.advance(2_000);
    }
    expect(holder.told).toEqual(["0 taken a"]);
    expect(standby.told).toEqual([]);
  });
});

describe("a holder that was stopped and goes on", () => {
  it("sends nothing under a term that is over", async () => {
    const { holder, standby } = await holderAndStandby();
    const [term] = holder.terms;
    holder.clock.pause();
    await world.clock.advance(8_000);
    expect(standby.told).toHaveLength(1);
    const requests: string[] = [];
    holder.network.onRequest = (method) => requests.push(method);
    const write = term?.client.write(Artist, { name: "late", data: { name: "Late" } });
    holder.clock.resume();
    await expect(write).rejects.toThrow(LeaseLostError);
    expect(requests).not.toContain("Write");
    await world.clock.advance(1_000);
    expect(holder.told).toEqual(["0 taken a", "8020 lost a"]);
  });

  it("has its fence refused when it had sent before", async () => {
    const { holder, standby } = await holderAndStandby();
    holder.network.holdRequests();
    const write = holder.terms[0]?.client.write(Artist, { name: "late", data: { name: "Late" } });
    const failure = write?.catch((error: unknown) => error);
    await world.clock.advance(8_000);
    expect(standby.told).toHaveLength(1);
    await standby.terms[0]?.client.write(Artist, { name: "next", data: { name: "Next" } });
    holder.network.letGo();
    await world.clock.advance(100);
    expect(errorReason(await failure)).toBe("PRECONDITION_FAILED");
    expect(await world.client.find(Artist, { name: "late" })).toBeUndefined();
    expect(await world.client.find(Artist, { name: "next" })).toBeDefined();
  });

  it("gets back nothing that another has taken, though its renewal was on its way", async () => {
    const { holder, standby } = await holderAndStandby();
    await world.clock.advance(900);
    holder.network.holdRequests();
    await world.clock.advance(8_000);
    expect(standby.told).toHaveLength(1);
    const { generation } = await world.lease("a");
    holder.network.letGo();
    await world.clock.advance(10_000);
    expect((await world.lease("a")).generation).toBe(generation);
    expect(standby.told).toHaveLength(1);
    expect(holder.told).toEqual(["0 taken a", "3500 lost a"]);
  });
});

describe("who waits for a lease", () => {
  it("goes by its own monotonic clock, whatever the time of day", async () => {
    const { holder, standby } = await holderAndStandby();
    for (const wallOffMs of [3_600_000, -3_600_000, 0]) {
      standby.clock.wallOffMs = wallOffMs;
      holder.clock.wallOffMs = -wallOffMs;
      await world.clock.advance(10_000);
    }
    expect(standby.told).toEqual([]);
    died(holder);
    standby.clock.wallOffMs = -86_400_000;
    await world.clock.advance(5_000);
    expect(standby.told).toHaveLength(1);
  });

  it("does not take what it only failed to see renewed", async () => {
    const { holder, standby } = await holderAndStandby();
    standby.network.holdMessages();
    await world.clock.advance(20_000);
    expect(standby.told).toEqual([]);
    expect(holder.told).toEqual(["0 taken a"]);
    standby.network.letGo();
    died(holder);
    await world.clock.advance(6_000);
    expect(standby.told).toHaveLength(1);
  });

  it("takes anew what it took without an answer, and that once", async () => {
    const first = world.keep("first");
    let writes = 0;
    first.network.onRequest = (method) => {
      if (method !== "Write") return;
      writes += 1;
      // The first makes it a member.
      if (writes === 2) first.network.lose.push("Write");
    };
    await world.clock.advance(1_000);
    expect(first.told).toHaveLength(1);
    expect((await world.lease("a")).data.transitions).toBe(2n);
    expect(first.terms[0]?.lease.generation).toBe((await world.lease("a")).generation);
  });

  it("does not hold what somebody wrote while the answer of its taking was on its way", async () => {
    const only = world.keep("only");
    only.network.answerMs = 500;
    await world.clock.advance(600);
    const { data, version } = await world.lease("a");
    await world.client.write(Lease, { name: "controller-a", metadata: { team: "web" }, data, version });
    await world.clock.advance(450);
    expect(only.told).toEqual([]);
    only.network.answerMs = 0;
    await world.clock.advance(1_000);
    expect(only.told).toHaveLength(1);
    expect(only.terms[0]?.lease.generation).toBe((await world.lease("a")).generation);
  });

  it("does not take it again before what ran under the last term has ended", async () => {
    const ended = Promise.withResolvers<void>();
    const only = world.keep("only", ["a"], { lost: () => ended.promise });
    await world.clock.advance(10);
    await world.client.delete(Lease, { name: "controller-a" });
    await world.clock.advance(10_000);
    expect(only.told).toEqual(["0 taken a", "10 lost a"]);
    ended.resolve();
    await world.clock.advance(500);
    expect(only.told).toHaveLength(3);
  });

  it("takes nothing any more once it retired, and keeps what it has until it stops", async () => {
    const only = world.keep("only");
    await world.clock.advance(10);
    only.keeper.retire();
    await world.client.write(Lease, { name: "controller-b", data: {} });
    await world.clock.advance(20_000);
    expect(only.told).toEqual(["0 taken a"]);
    await only.keeper.stop();
    expect((await world.lease("a")).data.holder).toBe("");
  });
});

describe("many leases", () => {
  const names = Array.from({ length: 12 }, (_, at) => `lease-${at}`);

  it("are shared by who starts together", async () => {
    const keepers = ["one", "two", "three"].map((name) => world.keep(name, names));
    await world.clock.advance(2_000);
    const held = keepers.map(({ terms }) => terms.length);
    expect(held.reduce((sum, one) => sum + one, 0)).toBe(names.length);
    expect(Math.min(...held)).toBeGreaterThanOrEqual(2);
    await world.clock.advance(30_000);
    expect(keepers.flatMap(({ told }) => told).filter((line) => line.includes("lost"))).toEqual([]);
  });

  it("of one that died go to several", async () => {
    const dying = world.keep("dying", names);
    await world.clock.advance(1_000);
    const others = ["one", "two"].map((name) => world.keep(name, names));
    await world.clock.advance(1_000);
    expect(dying.terms).toHaveLength(names.length);
    died(dying);
    await world.clock.advance(5_000);
    const held = others.map(({ terms }) => terms.length);
    expect(held.reduce((sum, one) => sum + one, 0)).toBe(names.length);
    expect(Math.min(...held)).toBeGreaterThanOrEqual(3);
  });

  it("are held on but for the one that somebody took", async () => {
    const holder = world.keep("holder", ["a", "b", "c"]);
    await world.clock.advance(1_500);
    const { data, version } = await world.lease("b");
    const stranger = { ...data, holder: "stranger", holderName: "stranger", member: "" };
    await world.client.write(Lease, { name: `${CONTROLLER_LEASES}b`, data: stranger, version });
    await world.clock.advance(10_000);
    expect(holder.told.filter((line) => line.includes("lost"))).toEqual(["1500 lost b"]);
    expect((await world.lease("b")).data.holder).toBe("stranger");
  });
});
