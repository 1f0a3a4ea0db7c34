import { Group } from "./group.ts";

/** What is measured: `run` does some operations, and says how many. */
export interface Scenario {
  readonly name: string;
  /** Members of the group. */
  readonly nodes: number;
  readonly start: () => { readonly group: Group; readonly run: () => number };
}

export interface ScenarioOptions {
  /** Bytes of each proposal. */
  readonly payload: number;
  /** Proposals under way at once, where they are more than one. */
  readonly batch: number;
}

/**
 * Proposals committed and applied on all members, one at a time and many, with storage written in place and by threads; and
 * rounds of heartbeats, which are steps with as little behind them as there is.
 */
export function raftScenarios({ payload, batch }: ScenarioOptions): readonly Scenario[] {
  const data = new Uint8Array(payload).fill(0x61);
  const proposals = (nodes: number, atOnce: number, asyncStorageWrites: boolean): Scenario => ({
    name: `${asyncStorageWrites ? "proposals, async writes" : "proposals"}, ${atOnce} at once`,
    nodes,
    start() {
      const group = new Group(nodes, { asyncStorageWrites });
      const run = (): number => {
        const before = group.leader.applied;
        for (let proposed = 0; proposed < atOnce; proposed++) group.leader.core.propose(data);
        group.settle();
        const applied = group.leader.applied - before;
        if (applied !== atOnce || !group.isEqual) {
          throw new Error(`expected ${atOnce} proposals to be applied by all, the leader has ${applied}`);
        }
        return applied;
      };
      return { group, run };
    },
  });
  const heartbeats: Scenario = {
    name: "heartbeat rounds",
    nodes: 3,
    start() {
      const group = new Group(3, { asyncStorageWrites: false });
      const run = (): number => {
        group.leader.core.tick();
        group.settle();
        return 1;
      };
      return { group, run };
    },
  };
  return [
    proposals(1, 1, false),
    proposals(3, 1, false),
    proposals(3, batch, false),
    proposals(3, 1, true),
    proposals(3, batch, true),
    proposals(5, batch, false),
    heartbeats,
  ];
}
