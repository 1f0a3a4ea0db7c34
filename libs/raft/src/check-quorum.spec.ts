import { describe, expect, it } from "@jest/globals";
import { confChange, confChangeV1 } from "./confchange/conf-change.ts";
import { encodeConfChange } from "./confchange/encoding.ts";
import { message } from "./message.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { bringTo, leaderOf, TestNode } from "./test-support/test-node.ts";

// Quorum check, leader stickiness and pre-votes together (numbers Q1 to Q15 of the specification).

const three = [1, 2, 3];
const both = { checkQuorum: true, preVote: true };

/** Lets so much time pass on a node that it does not believe in a leader any more, but not so much that it campaigns. */
function loseFaith(node: TestNode): void {
  node.core.overrideElectionTimeout(2 * node.state.options.electionTicks);
  node.tick(node.state.options.electionTicks);
}

describe("a leader's quorum", () => {
  it("raft Q1 a leader that hears from a quorum stays", () => {
    const leader = leaderOf(three, { checkQuorum: true });
    for (let ticks = 0; ticks < 11; ticks++) {
      leader.receive({ type: "MsgHeartbeatResp", from: 2 });
      leader.tick();
    }
    expect(leader.state.role).toBe("leader");
  });

  it("raft Q2 a leader that does not steps down, in its term and with its vote", () => {
    const leader = leaderOf(three, { checkQuorum: true });
    leader.tick(11);
    expect(leader.state).toMatchObject({ role: "follower", term: 1, vote: 1, leader: 0 });
  });
});

describe("what a leader heard", () => {
  it("raft Q2 counts for one check only", () => {
    const leader = leaderOf(three, { checkQuorum: true });
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    leader.tick(10);
    expect(leader.state.role).toBe("leader");
    leader.tick(10);
    expect(leader.state.role).toBe("follower");
  });
});

describe("voters that hear from a leader", () => {
  it("raft Q3 refuse a candidate until their own timeout has passed, and then elect it", () => {
    const network = freshNetwork(3, { checkQuorum: true });
    network.node(2).core.overrideElectionTimeout(20);
    network.campaign(1);
    network.campaign(3);
    expect(network.node(3).state.role).toBe("candidate");
    expect(network.leaders).toEqual([1]);
    loseFaith(network.node(2));
    network.campaign(3);
    expect(network.node(3).state.role).toBe("leader");
  });

  it("raft Q4 elect at once when there has not been a leader", () => {
    const network = freshNetwork(3, { checkQuorum: true });
    network.campaign(1);
    expect(network.node(1).state.role).toBe("leader");
    expect(network.node(3).state.role).toBe("follower");
  });

  it("raft Q5 are freed of a candidate stuck in a later term: it tells the leader, which steps down", () => {
    const network = freshNetwork(3, { checkQuorum: true });
    network.campaign(1);
    network.isolate(1);
    network.campaign(3);
    network.campaign(3);
    const { term } = network.node(3).state;
    expect(network.node(3).state.role).toBe("candidate");
    network.heal();
    network.on(1, (node) => node.tick());
    expect(network.node(1).state).toMatchObject({ role: "follower", term });
    network.campaign(3);
    expect(network.leaders).toEqual([3]);
  });
});

describe("who may campaign", () => {
  it("raft Q6 a node outside its own configuration follows and does not campaign", () => {
    const network = new TestNetwork([
      new TestNode({ id: 1, voters: [1, 2], checkQuorum: true }),
      new TestNode({ id: 2, voters: [1], checkQuorum: true }),
    ]);
    network.node(2).tick(100);
    network.settle();
    expect(network.node(2).state.role).toBe("follower");
    network.campaign(1);
    expect(network.leaders).toEqual([1]);
    expect(network.node(2).state).toMatchObject({ role: "follower", leader: 1 });
  });

  it.each([confChangeV1("add-node", 3), confChange([{ type: "add-node", nodeId: 3 }])])(
    "raft Q14 a node with a committed but unapplied conf change (version $version) does not campaign",
    (change) => {
      const node = new TestNode({ voters: [1, 2], checkQuorum: true });
      const entries = [{ ...encodeConfChange(change), term: 1, index: 1 }];
      node.receive({ type: "MsgApp", from: 2, term: 1, entries, commit: 1 });
      expect(node.state.log).toMatchObject({ applied: 0, committed: 1 });
      node.core.campaign();
      node.receive({ type: "MsgTimeoutNow", from: 2 });
      expect(node.state.role).toBe("follower");
      node.drain();
      node.core.campaign();
      expect(node.state.role).toBe("candidate");
    },
  );

  it("raft Q15 a learner that is told to campaign does not", () => {
    const node = new TestNode({ id: 2, voters: [1], learners: [2], checkQuorum: true });
    node.receive({ type: "MsgTimeoutNow", from: 1 });
    expect(node.state.role).toBe("follower");
  });
});

describe("a node that returns", () => {
  it.each([
    { number: "Q7", preVote: false, deposed: true },
    { number: "Q8", preVote: true, deposed: false },
  ])("raft $number with pre-vote $preVote deposes the leader: $deposed", ({ preVote, deposed }) => {
    const network = freshNetwork(3, { checkQuorum: true, preVote });
    network.campaign(1);
    network.on(1, (node) => node.tick());
    network.isolate(3);
    // It times out and holds elections that nobody hears of.
    for (let elections = 0; elections < 3; elections++) {
      network.node(3).tick(20);
      network.node(3).drain();
    }
    expect(network.node(3).state.term > 1).toBe(deposed);
    network.heal();
    network.on(1, (node) => node.tick());
    expect(network.node(1).state.role).toBe(deposed ? "follower" : "leader");
    expect(network.node(3).state.term).toBe(network.node(1).state.term);
  });

  it("raft Q9 with a lower term, but the best log, can win with pre-votes", () => {
    const network = freshNetwork(3, { preVote: true });
    network.campaign(1);
    // Node 3 is cut off; nodes 1 and 2 hold elections without appending anything that lasts.
    network.isolate(3);
    network.on(1, (node) => node.propose("x"));
    for (const node of [network.node(1), network.node(2)]) bringTo(node, "follower", 5);
    network.node(3).storage.append(network.node(1).storage.entries(1, 3, 1e9) ?? []);
    const returned = network.replace(3, { preVote: true });
    network.heal();
    expect(returned.state.term).toBe(1);
    network.campaign(3);
    // Refused in the later term, it learns that term, and asks again.
    expect(returned.state).toMatchObject({ role: "follower", term: 5 });
    network.campaign(3);
    expect(network.leaders).toEqual([3]);
  });
});

describe("pre-votes", () => {
  it("raft Q10 two pre-candidates may split the votes; the next round decides", () => {
    const network = freshNetwork(3, { preVote: true });
    network.campaign(1);
    network.isolate(1);
    const [, second, third] = [...network.nodes.values()];
    // Both win the pre-vote, both hold the election, and each has its own vote only.
    second?.core.campaign();
    third?.core.campaign();
    network.settle();
    expect([second?.state.role, third?.state.role]).toEqual(["candidate", "candidate"]);
    network.campaign(2);
    expect(second?.state.role).toBe("leader");
    expect(third?.state.role).toBe("follower");
  });

  it("raft Q11 with quorum check nobody answers who hears from a leader; when it is gone, the election is held", () => {
    const network = freshNetwork(3, both);
    network.campaign(1);
    network.isolate(1);
    network.campaign(3);
    expect(network.node(3).state).toMatchObject({ role: "pre-candidate", term: 1 });
    loseFaith(network.node(2));
    network.campaign(3);
    expect(network.node(3).state).toMatchObject({ role: "leader", term: 2 });
  });

  it("raft Q12 a cluster of which only a part uses pre-votes still elects", () => {
    const network = new TestNetwork([
      new TestNode({ id: 1, voters: three, preVote: true }),
      new TestNode({ id: 2, voters: three, preVote: true }),
      new TestNode({ id: 3, voters: three, preVote: false }),
    ]);
    network.campaign(1);
    // The one without runs ahead in terms while it is cut off.
    network.isolate(3);
    network.on(1, (node) => node.propose("x"));
    network.campaign(3);
    network.campaign(3);
    network.heal();
    network.campaign(3);
    const before = network.leaders;
    network.campaign(1);
    network.campaign(1);
    expect(before).toEqual([]);
    expect(network.leaders).toEqual([1]);
    expect(network.node(3).values).toEqual(["x"]);
  });

  it("raft Q13 a pre-candidate with a later term is freed by the leader's heartbeat", () => {
    const network = freshNetwork(3, { preVote: true });
    network.campaign(1);
    network.isolate(3);
    bringTo(network.node(3), "pre-candidate", 4);
    network.heal();
    network.on(1, (node) => node.tick());
    expect(network.node(1).state).toMatchObject({ role: "follower", term: 4 });
    // Asked for a pre-vote of a past term, they tell the present one.
    network.campaign(2);
    network.campaign(2);
    expect(network.leaders).toEqual([2]);
    expect(network.node(3).state).toMatchObject({ role: "follower", leader: 2, term: 5 });
  });

  it("answers a pre-vote of a past term with a refusal in its own", () => {
    const node = bringTo(new TestNode({ voters: three, preVote: true }), "follower", 5);
    node.receive(message({ type: "MsgPreVote", from: 2, term: 3 }));
    expect(node.drain()).toMatchObject([{ type: "MsgPreVoteResp", to: 2, term: 5, reject: true }]);
  });
});
