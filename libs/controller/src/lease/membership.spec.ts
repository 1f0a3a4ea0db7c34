import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";

import { CONTROLLER_LEASES, Lease } from "./lease.ts";
import { takeLease } from "./lease-calls.ts";
import type { MemberTerm } from "./member-term.ts";
import { allOf, createLeaseWorld, type LeaseWorld } from "./test-support/lease-world.ts";

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
afterEach(() => world.close());

/** A holder of one lease, and another that waits for it. */
async function pair() {
  const holder = world.keep("first");
  await world.clock.advance(10);
  const standby = world.keep("second");
  await world.clock.advance(10);
  return { holder, standby };
}

async function memberLease(name: string) {
  const lease = (await world.members()).get(name);
  if (lease === undefined) throw new Error(`no member ${name}`);
  return lease;
}

describe("a member", () => {
  it("has one lease that stands for it, says what it would hold, and is named by those that it holds", async () => {
    world.keep("first", ["a", "b"]);
    await world.clock.advance(100);
    const { id, data } = await memberLease("first");
    expect(data).toMatchObject({
      holder: "id-of-first",
      member: id.name,
      candidates: ["controller-a", "controller-b"],
    });
    expect((await world.lease("a")).data.member).toBe(id.name);
  });

  it("is seen by those who wait, and leaves nothing behind when it stops", async () => {
    const { holder, standby } = await pair();
    expect([...(await world.members()).keys()].toSorted()).toEqual(["first", "second"]);
    await Promise.all([holder.keeper.stop(), standby.keeper.stop()]);
    expect((await world.members()).size).toBe(0);
  });

  it("takes nothing before it is one", async () => {
    const kept = world.keep("first");
    kept.network.onRequest = (method) => {
      if (method === "Write") throw new Error("no");
    };
    await world.clock.advance(20_000);
    expect(kept.told).toEqual([]);
    const told = kept.lines.filter(({ message }) => message.includes("member's lease was not made"));
    expect(told).toHaveLength(2);
    kept.network.onRequest = undefined;
    await world.clock.advance(1_000);
    expect(kept.told).toHaveLength(1);
  });

  it("that is one and does not know it becomes another, and the first goes in time", async () => {
    const first = world.keep("first", []);
    first.network.lose.push("Write");
    await world.clock.advance(1_000);
    expect(await allOf(world.client.list(Lease))).toHaveLength(2);
    await world.clock.advance(100_000);
    expect((await memberLease("first")).id.name).toMatch(/-2$/);
    expect(await allOf(world.client.list(Lease))).toHaveLength(1);
  });
});

describe("what a member holds", () => {
  it("is all lost when somebody deletes its lease, which others need not wait for", async () => {
    const { holder, standby } = await pair();
    await world.clock.advance(1_480);
    const { id } = await memberLease("first");
    await world.client.delete(Lease, { name: id.name });
    await world.clock.advance(400);
    expect(holder.told.slice(0, 2)).toEqual(["0 taken a", "1500 lost a"]);
    expect([...holder.told, ...standby.told].filter((line) => line.includes("taken"))).toHaveLength(2);
    expect((await world.lease("a")).data.member).not.toBe(id.name);
  });

  it("is all lost when somebody writes its lease", async () => {
    const { holder } = await pair();
    const { id, data, version } = await memberLease("first");
    await world.client.write(Lease, { name: id.name, metadata: { team: "web" }, data, version });
    await world.clock.advance(1_000);
    expect(holder.told.slice(0, 2)).toEqual(["0 taken a", "20 lost a"]);
  });

  it("is all lost when only its renewal tells it that somebody wrote its lease", async () => {
    const { holder } = await pair();
    holder.network.holdMessages();
    const { id, data, version } = await memberLease("first");
    await world.client.write(Lease, { name: id.name, metadata: { team: "web" }, data, version });
    await world.clock.advance(1_000);
    expect(holder.told.slice(0, 2)).toEqual(["0 taken a", "1000 lost a"]);
  });

  it("is not free for who took its lease for gone and is told that it renewed", async () => {
    const { holder, standby } = await pair();
    standby.network.holdMessages();
    await world.clock.advance(20_000);
    expect(standby.told).toEqual([]);
    expect(holder.told).toEqual(["0 taken a"]);
    expect((await world.lease("a")).data.transitions).toBe(1n);
  });

  it("is not taken by who is no member any more, however late the taking arrives", async () => {
    const { holder } = await pair();
    const member = holder.terms[0]?.member as MemberTerm;
    const as = { holder: { id: "id-of-first", name: "first" }, member, witnesses: [], timeoutMs: 1_000 };
    await takeLease(world.client, "controller-b", undefined, as);
    await holder.keeper.stop();
    const late = await takeLease(world.client, "controller-c", undefined, as).catch(
      (error: unknown) => error,
    );
    expect(errorReason(late)).toBe("PRECONDITION_FAILED");
  });
});

describe("a member that has gone", () => {
  it("is removed by those who stay, and what it held is as free as before", async () => {
    const { holder, standby } = await pair();
    holder.network.cut = true;
    standby.keeper.retire();
    await world.clock.advance(90_000);
    expect([...(await world.members()).keys()]).toEqual(["second"]);
    const late = world.keep("late");
    await world.clock.advance(10);
    expect(late.told).toHaveLength(1);
    expect((await world.lease("a")).data).toMatchObject({ holderName: "late", transitions: 2n });
  });

  it("is not removed when it only was not heard of", async () => {
    const { holder, standby } = await pair();
    // Who would take what it holds asks again how it is.
    standby.keeper.retire();
    standby.network.holdMessages();
    await world.clock.advance(120_000);
    expect([...(await world.members()).keys()].toSorted()).toEqual(["first", "second"]);
    expect(holder.told).toEqual(["0 taken a"]);
  });

  it("joins again under another name when it was removed, and gets back nothing that others took", async () => {
    const { holder, standby } = await pair();
    holder.clock.pause();
    await world.clock.advance(120_000);
    expect(standby.told).toHaveLength(1);
    holder.clock.resume();
    await world.clock.advance(10_000);
    expect(holder.told[1]).toMatch(/lost a$/);
    expect(holder.told).toHaveLength(2);
    expect((await memberLease("first")).id.name).toMatch(/-2$/);
    expect((await world.lease("a")).data.holderName).toBe("second");
  });

  it.each(["controller-a", "controller-member-of-nothing"])(
    "is never taken for the lease %s",
    async (name) => {
      const { holder } = await pair();
      await world.client.write(Lease, { name: "controller-member-of-nothing", data: {} });
      await holder.keeper.stop();
      await world.clock.advance(120_000);
      expect(await world.client.find(Lease, { name })).toBeDefined();
      expect(name.startsWith(CONTROLLER_LEASES)).toBe(true);
    },
  );
});
