import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { createLeaseWorld, type LeaseWorld } from "./test-support/lease-world.ts";
import { FormerManager } from "./test-support/former-manager.ts";

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
afterEach(() => world.close());

const HOUR_MS = 3_600_000;

function formerManager(lookMs?: number) {
  const process = world.createProcess("former");
  return { ...process, manager: new FormerManager(process, lookMs) };
}

describe("a manager of before there were members", () => {
  it("keeps what it holds beside new ones, until it dies", async () => {
    const { manager, network } = formerManager();
    await world.clock.advance(200);
    const next = world.keep("next");
    await world.clock.advance(120_000);
    expect(next.told).toEqual([]);
    expect([manager.terms, manager.held]).toEqual([1, true]);
    network.cut = true;
    await world.clock.advance(5_000);
    expect(next.told).toHaveLength(1);
    expect(manager.held).toBe(false);
  });

  it("keeps what it holds though new ones only did not see it renew", async () => {
    const { manager } = formerManager();
    await world.clock.advance(200);
    const next = world.keep("next");
    await world.clock.advance(10);
    next.network.holdMessages();
    await world.clock.advance(30_000);
    expect(next.told).toEqual([]);
    expect([manager.terms, manager.held]).toEqual([1, true]);
  });

  it("leaves alone what new ones hold, however long both are there", async () => {
    const timing = { durationMs: 40_000, renewMs: 10_000, marginMs: 5_000 };
    const next = world.keep("next", ["a"], { timing });
    await world.clock.advance(200);
    const { manager } = formerManager(5_000);
    for (let minutes = 0; minutes < 70; minutes += 10) {
      await world.clock.advance(HOUR_MS / 6);
      expect(manager.terms).toBe(0);
    }
    expect(next.told).toEqual(["0 taken a"]);
    manager.stop();
  }, 60_000);

  it("has at once what a new one hands back", async () => {
    const next = world.keep("next");
    await world.clock.advance(200);
    const { manager } = formerManager();
    await world.clock.advance(1_000);
    await next.keeper.stop();
    await world.clock.advance(200);
    expect([manager.terms, manager.held]).toEqual([1, true]);
  });
});
