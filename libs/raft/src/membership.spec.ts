import { describe, expect, it } from "@jest/globals";
import { confChange, confChangeV1, type ConfChange } from "./confchange/conf-change.ts";
import { encodeConfChange } from "./confchange/encoding.ts";
import { parseSteps } from "./confchange/notation.ts";
import { ascending, type NodeId } from "./numbers.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import {
  bringTo,
  entry,
  leaderOf,
  snapshotAt,
  TestNode,
  type TestNodeOptions,
} from "./test-support/test-node.ts";
import { describeConfiguration } from "./tracker/configuration.ts";

// Membership changes (numbers C1 to C9 of the specification).

const change = (steps: string): ConfChange => confChange(parseSteps(steps));

function configurationOf(node: TestNode): string {
  return describeConfiguration(node.state.tracker.configuration);
}

function membersOf(node: TestNode): NodeId[] {
  return [...node.state.tracker.progress.keys()];
}

describe("proposing a change", () => {
  it("raft C1 remembers where it is, and makes a second one an empty entry", () => {
    const leader = leaderOf([1, 2]);
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    leader.core.proposeConfChange(change("v3"));
    expect(leader.state.pendingConfIndex).toBe(2);
    leader.core.proposeConfChange(change("v4"));
    expect(leader.state.pendingConfIndex).toBe(2);
    expect(leader.state.log.entries(2, 1e6)).toMatchObject([{ type: "EntryConfChangeV2" }, entry(1, 3)]);
  });

  it("raft C1 takes a second change only when the first is applied, not when it is committed", () => {
    const leader = leaderOf([1, 2]);
    leader.core.proposeConfChange(change("l4"));
    leader.processReady();
    leader.receive({ type: "MsgAppResp", from: 2, index: 2 });
    expect(leader.state.log).toMatchObject({ committed: 2, applied: 0 });
    leader.core.proposeConfChange(change("l3"));
    expect(leader.state.log.entries(3, 1e6)).toEqual([entry(1, 3)]);
    leader.drain();
    leader.core.proposeConfChange(change("l3"));
    expect(leader.state.log.entries(4, 1e6)).toMatchObject([{ type: "EntryConfChangeV2" }]);
  });

  it.each([
    { name: "without a change in its tail", pending: false },
    { name: "with one", pending: true },
  ])("raft C2 a new leader $name takes no change before all before it is applied", ({ pending }) => {
    const node = new TestNode({ voters: [1, 2] });
    const tail = pending ? [{ ...encodeConfChange(change("v3")), term: 1, index: 1 }] : [entry(1, 1, "x")];
    node.receive({ type: "MsgApp", from: 2, term: 1, entries: tail });
    node.drain();
    bringTo(node, "leader");
    expect(node.state.pendingConfIndex).toBe(1);
    node.core.proposeConfChange(change("v4"));
    expect(node.state.log.entries(3, 1e6)).toEqual([entry(2, 3)]);
  });

  it.each([
    { why: "it leaves no voter", steps: "r1 r2", transition: "auto" },
    { why: "it leaves no voter, in a joint way", steps: "l1 r2", transition: "joint-explicit" },
    { why: "there is nothing to leave", steps: "", transition: "auto" },
  ] as const)("makes a change an empty entry that no member could apply: $why", ({ steps, transition }) => {
    const leader = leaderOf([1, 2]);
    leader.core.proposeConfChange(confChange(parseSteps(steps), { transition }));
    expect(leader.state.log.entries(2, 1e6)).toEqual([entry(1, 2)]);
    expect(leader.state.pendingConfIndex).toBe(0);
  });

  it("in a joint configuration takes nothing but the way out of it", () => {
    const leader = leaderOf([1, 2], { confState: { voters: [1, 2], votersOutgoing: [1, 3] } });
    leader.core.proposeConfChange(change("v4"));
    leader.core.proposeConfChange(confChange([], { transition: "joint-explicit" }));
    leader.core.proposeConfChange(confChange([]));
    expect(leader.state.log.entries(2, 1e6)).toMatchObject([
      entry(1, 2),
      entry(1, 3),
      { type: "EntryConfChangeV2" },
    ]);
  });

  it("checks nothing when it is told not to", () => {
    const leader = leaderOf([1, 2], { disableConfChangeValidation: true });
    leader.core.proposeConfChange(change("v3"));
    leader.core.proposeConfChange(change("v4"));
    expect(leader.state.log.entries(2, 1e6)).toMatchObject([
      { type: "EntryConfChangeV2" },
      { type: "EntryConfChangeV2" },
    ]);
  });

  it("is not remembered when the entry was dropped", () => {
    const leader = leaderOf([1, 2], { maxUncommittedBytes: 1 });
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    leader.propose("x");
    expect(() => leader.core.proposeConfChange(change("v3"))).toThrow(/dropped/);
    expect(leader.state.pendingConfIndex).toBe(0);
  });
});

describe("applying a change", () => {
  it("raft C3 adds a voter", () => {
    const node = new TestNode({ voters: [1] });
    node.change(confChangeV1("add-node", 2));
    expect(configurationOf(node)).toBe("voters=(1 2)");
  });

  it("raft C3 adds a learner", () => {
    const node = new TestNode({ voters: [1] });
    node.change(confChangeV1("add-learner", 2));
    expect(configurationOf(node)).toBe("voters=(1) learners=(2)");
    expect(node.state.tracker.get(2)?.isLearner).toBe(true);
  });

  it("raft C3 a new voter counts as active: the leader does not step down at the next check", () => {
    const leader = leaderOf([1], { checkQuorum: true });
    leader.tick(9);
    leader.change(confChangeV1("add-node", 2));
    leader.tick();
    expect(leader.state.role).toBe("leader");
    leader.tick(10);
    expect(leader.state.role).toBe("follower");
  });

  it("raft C3 removes a voter, but not the last", () => {
    const node = new TestNode({ voters: [1, 2] });
    node.change(confChangeV1("remove-node", 2));
    expect(configurationOf(node)).toBe("voters=(1)");
    expect(() => node.change(confChangeV1("remove-node", 1))).toThrow(
      expect.objectContaining({ code: "invalid-conf-change", message: "removed all voters" }),
    );
    expect(configurationOf(node)).toBe("voters=(1)");
  });

  it("raft C3 removes a learner", () => {
    const node = new TestNode({ voters: [1], learners: [2] });
    node.change(confChangeV1("remove-node", 2));
    expect(configurationOf(node)).toBe("voters=(1)");
    expect(membersOf(node)).toEqual([1]);
  });

  it.each([
    { voters: [1], learners: [], campaigns: true },
    { voters: [1, 2, 3], learners: [], campaigns: true },
    { voters: [2, 3], learners: [], campaigns: false },
    { voters: [2, 3], learners: [1], campaigns: false },
  ])("raft C4 node 1 in voters $voters, learners $learners campaigns: $campaigns", (row) => {
    const node = new TestNode(row);
    node.core.campaign();
    expect(node.state.role).toBe(row.campaigns ? "candidate" : "follower");
  });

  it.each([
    { voters: [1], members: [1] },
    { voters: [3, 2, 1], members: [1, 2, 3] },
  ])("raft C5 knows its members in ascending order: $members", ({ voters, members }) => {
    const node = new TestNode({ voters });
    expect(membersOf(node)).toEqual(members);
    expect([...node.core.status().configuration.voters.incoming].sort(ascending)).toEqual(members);
  });

  it("takes each change once, and none that a snapshot has overtaken", () => {
    const node = new TestNode({ voters: [1, 2] });
    const entries = [{ ...encodeConfChange(change("v3 v4")), term: 1, index: 1 }];
    node.receive({ type: "MsgApp", from: 2, term: 1, entries, commit: 1 });
    const ready = node.core.ready();
    expect(ready.committedEntries).toHaveLength(1);
    // While the application is at it, a snapshot comes in, with a configuration of its own.
    node.receive({ type: "MsgSnap", from: 2, snapshot: snapshotAt(5, 1, { voters: [1, 2, 3] }) });
    node.core.applyConfChange(change("v3 v4"), 1);
    expect(configurationOf(node)).toBe("voters=(1 2 3)");
    node.core.applyConfChange(change("r3"), 6);
    node.core.applyConfChange(change("r2"), 6);
    expect(configurationOf(node)).toBe("voters=(1 2)");
  });

  it("raft C6 a leader that is told to campaign goes on leading", () => {
    const leader = leaderOf([1, 2, 3]);
    leader.core.campaign();
    expect(leader.state).toMatchObject({ role: "leader", term: 1 });
    expect(leader.drain()).toEqual([]);
  });

  it("raft C7 a smaller quorum commits what waited for the larger one", () => {
    const leader = leaderOf([1, 2]);
    leader.core.proposeConfChange(confChangeV1("remove-node", 2));
    leader.drain();
    leader.propose("waits");
    leader.drain();
    leader.receive({ type: "MsgAppResp", from: 2, index: 2 });
    leader.drain();
    expect(configurationOf(leader)).toBe("voters=(1)");
    expect(leader.values).toEqual(["waits"]);
  });

  it("raft C9 adding a member again changes nothing, and goes through the log like any other", () => {
    const network = freshNetwork(2);
    network.campaign(1);
    for (const id of [1, 1, 2])
      network.on(1, (node) => node.core.proposeConfChange(confChangeV1("add-node", id)));
    for (const node of network.nodes.values()) {
      expect(configurationOf(node)).toBe("voters=(1 2)");
      expect(node.applied.map(({ type }) => type)).toEqual([
        "EntryNormal",
        "EntryConfChange",
        "EntryConfChange",
        "EntryConfChange",
      ]);
    }
  });
});

describe("a joint change", () => {
  const options: TestNodeOptions = { voters: [1, 2] };
  const network = (size: number): TestNetwork =>
    new TestNetwork(Array.from({ length: size }, (_, at) => new TestNode({ ...options, id: at + 1 })));

  it("raft C8 is left by the leader itself", () => {
    const all = network(4);
    all.campaign(1);
    all.on(1, (node) => node.core.proposeConfChange(change("v3 v4")));
    for (const node of all.nodes.values()) expect(configurationOf(node)).toBe("voters=(1 2 3 4)");
  });

  it("raft C8 is not left during a transfer, but by the next leader", () => {
    const all = network(3);
    all.campaign(1);
    all.on(1, (node) =>
      node.core.proposeConfChange(confChange(parseSteps("v3"), { transition: "joint-implicit" })),
    );
    expect(configurationOf(all.node(1))).toBe("voters=(1 2 3)");
    // The next one is applied while leadership is being handed over.
    const { state } = all.node(1);
    all.node(1).core.proposeConfChange(confChange(parseSteps("r3"), { transition: "joint-implicit" }));
    all.onMessage = ({ type }) => {
      if (type === "MsgAppResp" && state.transferee === 0) state.transferee = 2;
      return true;
    };
    all.settle();
    expect(configurationOf(all.node(1))).toBe("voters=(1 2)&&(1 2 3) autoleave");
    all.heal();
    all.campaign(2);
    expect(all.leaders).toEqual([2]);
    all.on(2, (node) => node.propose("x"));
    expect(configurationOf(all.node(2))).toBe("voters=(1 2)");
    expect(configurationOf(all.node(1))).toBe("voters=(1 2)");
  });

  it("raft C8 is left by one entry, however many are applied on the way", () => {
    const leader = leaderOf([1, 2], { maxCommittedBytesPerReady: 1 });
    leader.core.proposeConfChange(confChange(parseSteps("l3"), { transition: "joint-implicit" }));
    leader.propose("x");
    leader.drain();
    leader.receive({ type: "MsgAppResp", from: 2, index: 3 });
    leader.drain();
    expect(leader.state.log).toMatchObject({ applied: 3, lastIndex: 4 });
    expect(leader.state.log.entries(4, 1e6)).toMatchObject([{ type: "EntryConfChangeV2" }]);
  });

  it.each([
    { how: "has failed", end: (node: TestNode) => node.tick(10) },
    { how: "is taken back", end: (node: TestNode) => node.core.transferLeadership(1) },
  ])(
    "raft C8 is not left during a transfer, but as soon as that $how, even if nothing more is proposed",
    ({ end }) => {
      const all = network(3);
      all.campaign(1);
      const { state } = all.node(1);
      all.node(1).core.proposeConfChange(confChange(parseSteps("v3"), { transition: "joint-implicit" }));
      all.onMessage = ({ type }) => {
        if (type === "MsgAppResp" && state.transferee === 0) state.transferee = 2;
        return type !== "MsgTimeoutNow";
      };
      all.settle();
      expect(configurationOf(all.node(1))).toBe("voters=(1 2 3)&&(1 2) autoleave");
      all.heal();
      all.on(1, end);
      expect(state).toMatchObject({ role: "leader", transferee: 0 });
      expect(configurationOf(all.node(1))).toBe("voters=(1 2 3)");
    },
  );

  it("is decided by both majorities", () => {
    const all = network(4);
    all.campaign(1);
    all.on(1, (node) =>
      node.core.proposeConfChange(confChange(parseSteps("r2 v3 v4"), { transition: "joint-explicit" })),
    );
    expect(configurationOf(all.node(1))).toBe("voters=(1 3 4)&&(1 2)");
    const { committed } = all.node(1).state.log;
    all.isolate(2);
    all.on(1, (node) => node.propose("x"));
    expect(all.node(1).state.log.committed).toBe(committed);
    all.heal();
    all.on(1, (node) => node.tick());
    expect(all.node(1).state.log.committed).toBe(committed + 1);
    all.on(1, (node) => node.core.proposeConfChange(confChange([])));
    expect(configurationOf(all.node(1))).toBe("voters=(1 3 4)");
  });
});

describe("a restart with changes in the log", () => {
  const changes = ["v4", "v5"].map((steps) => encodeConfChange(change(steps)));
  /** Changes at 2 and 4, and a vote in term 1; that the first is committed is not on disk. */
  const restarted = (options: TestNodeOptions = {}): TestNode => {
    const node = new TestNode({ voters: [1, 2, 3], ...options, log: [1], hardState: { term: 1 } });
    const [first, second] = changes.map((of, at) => ({ ...entry(1, 2 + 2 * at), ...of }));
    if (first === undefined || second === undefined) throw new Error("expected two changes");
    node.storage.append([first, entry(1, 3, "x"), second, entry(1, 5, "y")]);
    return new TestNode({ ...options, storage: node.storage });
  };

  it("knows that all but the last are committed: the last was proposed when the one before it was applied", () => {
    const node = restarted();
    expect(node.state.log).toMatchObject({ committed: 2, applied: 0 });
    // So it campaigns in the configuration that the first one makes, and not in the one before.
    node.core.campaign();
    expect(node.state.role).toBe("follower");
    node.drain();
    expect(configurationOf(node)).toBe("voters=(1 2 3 4)");
    node.core.campaign();
    expect(node.state.role).toBe("candidate");
  });

  it("knows nothing of the kind where changes go unchecked", () => {
    expect(restarted({ disableConfChangeValidation: true }).state.log.committed).toBe(0);
  });
});

describe("a leader that is removed", () => {
  it.each([true, false])("with step-down %p", (stepDownOnRemoval) => {
    const network = freshNetwork(3, { stepDownOnRemoval });
    network.campaign(1);
    network.on(1, (node) => node.core.proposeConfChange(confChangeV1("remove-node", 1)));
    const { state } = network.node(1);
    expect(state.role).toBe(stepDownOnRemoval ? "follower" : "leader");
    expect(() => network.node(1).propose("x")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
    network.campaign(2);
    expect(network.node(2).state).toMatchObject({ role: "leader", term: 2 });
  });
});
