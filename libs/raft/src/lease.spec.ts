import { describe, expect, it } from "@jest/globals";
import { Lease } from "./lease.ts";

/** One that lasts 8 ticks. */
function newLease(): Lease {
  return new Lease({ electionTicks: 10, heartbeatTicks: 1 });
}

function pass(lease: Lease, ticks: number): void {
  for (let tick = 0; tick < ticks; tick++) lease.tick();
}

describe("a lease", () => {
  it("begins with the leadership, and ends before an election timeout is over", () => {
    const lease = newLease();
    pass(lease, 7);
    expect(lease.holds).toBe(true);
    lease.tick();
    expect(lease.holds).toBe(false);
  });

  it("begins when the round was sent that a quorum has answered, not when it did", () => {
    const lease = newLease();
    pass(lease, 2);
    lease.roundSent(1);
    pass(lease, 5);
    lease.roundConfirmed(1);
    pass(lease, 2);
    expect(lease.holds).toBe(true);
    lease.tick();
    expect(lease.holds).toBe(false);
  });

  it("is prolonged by the first of several rounds in a tick, and by answers to later ones", () => {
    const lease = newLease();
    pass(lease, 4);
    for (const sequence of [1, 2, 3]) lease.roundSent(sequence);
    lease.roundConfirmed(1);
    pass(lease, 7);
    expect(lease.holds).toBe(true);
    lease.roundSent(9);
    lease.roundConfirmed(8);
    lease.tick();
    expect(lease.holds).toBe(false);
    lease.roundConfirmed(10);
    expect(lease.holds).toBe(true);
  });

  it("forgets rounds that are too old to prolong it", () => {
    const lease = newLease();
    lease.roundSent(1);
    pass(lease, 9);
    lease.roundSent(2);
    lease.roundConfirmed(1);
    expect(lease.holds).toBe(false);
  });

  it("is void once somebody was told to campaign, whatever is answered", () => {
    const lease = newLease();
    lease.void();
    lease.tick();
    lease.roundSent(1);
    lease.roundConfirmed(1);
    expect(lease.holds).toBe(false);
  });

  it("is none where an election timeout is hardly longer than a heartbeat interval", () => {
    expect(new Lease({ electionTicks: 2, heartbeatTicks: 1 }).holds).toBe(false);
  });
});
