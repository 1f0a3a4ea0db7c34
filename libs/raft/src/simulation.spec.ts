import { describe, expect, it } from "@jest/globals";
import { Simulation, type SimulationOptions } from "./test-support/simulation.ts";

// Random runs with loss, delay, duplication, partitions and crashes. A run that fails is repeated by its seed. Members change only
// with pre-vote or quorum check: without both, one that does not learn of its removal disturbs the others for ever.

const seedsPerKind = 12;
const steps = 6000;

const kinds: [string, Omit<SimulationOptions, "seed">][] = [
  ["three nodes, everything on", { nodes: 3, changesMembers: false, raft: {} }],
  [
    "three nodes, neither pre-vote nor quorum check",
    { nodes: 3, changesMembers: false, raft: { preVote: false, checkQuorum: false } },
  ],
  ["asynchronous writes", { nodes: 3, changesMembers: false, raft: { asyncStorageWrites: true } }],
  ["changing members", { nodes: 5, changesMembers: true, raft: {} }],
  [
    "changing members with asynchronous writes",
    { nodes: 5, changesMembers: true, raft: { asyncStorageWrites: true } },
  ],
  ["two that come and go", { nodes: 2, changesMembers: true, raft: {} }],
  ["four, one append in flight", { nodes: 4, changesMembers: true, raft: { maxInflightMessages: 1 } }],
  ["changing members, no quorum check", { nodes: 5, changesMembers: true, raft: { checkQuorum: false } }],
  ["changing members, no pre-vote", { nodes: 5, changesMembers: true, raft: { preVote: false } }],
];

describe.each(kinds)("a cluster of %s", (_name, kind) => {
  it.each(Array.from({ length: seedsPerKind }, (_, seed) => seed + 1))(
    "is safe, serves linearizable reads, and recovers (seed %i)",
    (seed) => {
      const simulation = new Simulation({ ...kind, seed });
      for (let step = 0; step < steps; step++) simulation.step();
      expect(simulation.recovers()).toBe(true);
      // Nothing that was acknowledged is lost.
      for (const value of simulation.acknowledged) {
        expect(simulation.safety.indexOfValue.has(value)).toBe(true);
      }
    },
  );
});

describe("the simulation itself", () => {
  it("is no idle one: leaders change, entries commit, reads are served, nodes crash", () => {
    const simulation = new Simulation({ seed: 1, nodes: 5, changesMembers: true, raft: {} });
    for (let step = 0; step < 60_000; step++) simulation.step();
    simulation.recovers();
    expect(simulation.acknowledged.size).toBeGreaterThan(50);
    expect(simulation.reads.answers).toBeGreaterThan(50);
    expect(simulation.counts.elections).toBeGreaterThan(3);
    expect(simulation.counts.crashes).toBeGreaterThan(10);
    expect(simulation.counts.snapshots).toBeGreaterThan(0);
    expect(simulation.counts.changes).toBeGreaterThan(5);
  });

  it("repeats a run from its seed", () => {
    const run = (): unknown => {
      const simulation = new Simulation({ seed: 7, nodes: 3, changesMembers: false, raft: {} });
      for (let step = 0; step < 3000; step++) simulation.step();
      return [simulation.counts, simulation.safety.highestCommitted, [...simulation.acknowledged]];
    };
    expect(run()).toEqual(run());
  });
});
