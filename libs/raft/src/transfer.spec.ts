import { describe, expect, it } from "@jest/globals";
import { confChangeV1 } from "./confchange/conf-change.ts";
import { message } from "./message.ts";
import type { NodeId } from "./numbers.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { TestNode, type TestNodeOptions } from "./test-support/test-node.ts";

// Leadership transfer (numbers T1 to T16 of the specification).

const dropped = expect.objectContaining({ code: "proposal-dropped" });

function networkWithLeader(options: TestNodeOptions = {}): TestNetwork {
  const network = freshNetwork(3, options);
  network.campaign(1);
  return network;
}

function transfer(network: TestNetwork, to: NodeId, via: NodeId = 1): void {
  network.on(via, (node) => node.core.transferLeadership(to));
}

function expectLeader(network: TestNetwork, id: NodeId): void {
  expect(network.leaders).toEqual([id]);
  for (const { state } of network.nodes.values()) expect(state.leader).toBe(id);
}

/** Node 3 lacks an entry and cannot be reached; the leader wants it to lead. */
function pendingTransfer(options: TestNodeOptions = {}): TestNetwork {
  const network = networkWithLeader(options);
  network.isolate(3);
  network.on(1, (node) => node.propose("missed"));
  transfer(network, 3);
  expect(network.node(1).state.transferee).toBe(3);
  return network;
}

describe("to a node with the whole log", () => {
  it("raft T1 happens at once, there and back", () => {
    const network = networkWithLeader();
    transfer(network, 2);
    expectLeader(network, 2);
    network.on(2, (node) => node.propose("x"));
    transfer(network, 1, 2);
    expectLeader(network, 1);
  });

  it("raft T2 may be asked for on a follower", () => {
    const network = networkWithLeader();
    transfer(network, 2, 2);
    expectLeader(network, 2);
    transfer(network, 1, 3);
    expectLeader(network, 1);
  });

  it("raft T3 overrides those who hear from the leader, with quorum check and pre-votes", () => {
    const network = networkWithLeader({ checkQuorum: true, preVote: true });
    network.on(1, (node) => node.tick());
    transfer(network, 2);
    expectLeader(network, 2);
    network.on(2, (node) => node.propose("x"));
    transfer(network, 1, 2);
    expectLeader(network, 1);
  });
});

describe("to a node that is behind", () => {
  it("raft T4 waits until it has caught up", () => {
    const network = networkWithLeader();
    network.isolate(3);
    network.on(1, (node) => node.propose("missed"));
    network.heal();
    transfer(network, 3);
    network.on(1, (node) => node.tick());
    expectLeader(network, 3);
    expect(network.node(3).values).toEqual(["missed"]);
  });

  it("raft T5 waits for the snapshot it needs", () => {
    const network = networkWithLeader();
    network.isolate(3);
    network.on(1, (node) => node.propose("missed"));
    network.node(1).compact(2);
    network.heal();
    transfer(network, 3);
    for (let at = 0; at < 3; at++) network.on(1, (node) => node.tick());
    expectLeader(network, 3);
    expect(network.node(3).state.log.firstIndex).toBe(3);
  });
});

describe("is nothing", () => {
  it("raft T6 to the leader itself", () => {
    const network = networkWithLeader();
    transfer(network, 1);
    expectLeader(network, 1);
    expect(network.node(1).state.transferee).toBe(0);
  });

  it("raft T7 to a node that is none", () => {
    const network = networkWithLeader();
    transfer(network, 4);
    expectLeader(network, 1);
    expect(network.node(1).state.transferee).toBe(0);
  });

  it("to a learner", () => {
    const options = { voters: [1], learners: [2] };
    const network = new TestNetwork([
      new TestNode({ id: 1, ...options }),
      new TestNode({ id: 2, ...options }),
    ]);
    network.campaign(1);
    transfer(network, 2);
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
  });

  it("raft T16 for a node outside its own configuration that is told to campaign", () => {
    const node = new TestNode({ id: 4, voters: [1, 2, 3] });
    node.receive({ type: "MsgTimeoutNow", from: 1 });
    expect(node.state.role).toBe("follower");
    expect(node.drain()).toEqual([]);
  });
});

describe("while it is pending", () => {
  it("raft T8 the leader waits one election timeout, and then takes proposals again", () => {
    const network = pendingTransfer();
    network.node(1).tick(9);
    expect(network.node(1).state.transferee).toBe(3);
    network.node(1).tick();
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
    network.on(1, (node) => node.propose("taken"));
    expect(network.node(2).values).toEqual(["missed", "taken"]);
  });

  it("raft T9 proposals are dropped", () => {
    const network = pendingTransfer();
    expect(() => network.node(1).propose("x")).toThrow(dropped);
    expect(network.node(1).state.log.lastIndex).toBe(2);
  });

  it("raft T10 a vote of a later term ends it", () => {
    const network = pendingTransfer();
    network.send(message({ type: "MsgVote", from: 2, to: 1, term: 2, index: 2, logTerm: 1 }));
    expect(network.node(1).state).toMatchObject({ role: "follower", transferee: 0, vote: 2 });
  });

  it("raft T11 the target's removal ends it", () => {
    const network = networkWithLeader();
    network.isolate(3);
    network.on(1, (node) => node.core.proposeConfChange(confChangeV1("update-node", 3)));
    transfer(network, 3);
    expect(network.node(1).state.transferee).toBe(3);
    network.node(1).change(confChangeV1("remove-node", 3));
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
  });

  it("raft T12 the target's demotion ends it", () => {
    const network = pendingTransfer();
    network.node(1).change(confChangeV1("add-learner", 3));
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
  });

  it("raft T13 it may be taken back", () => {
    const network = pendingTransfer();
    transfer(network, 1);
    expectLeaderAmong(network, 1);
    network.on(1, (node) => node.propose("x"));
    expect(network.node(2).values).toEqual(["missed", "x"]);
  });

  it("raft T14 another target takes the place of the first", () => {
    const network = pendingTransfer();
    transfer(network, 2);
    expectLeaderAmong(network, 2);
  });

  it("raft T15 asking again for the same target gives it no more time", () => {
    const network = pendingTransfer();
    network.node(1).tick(5);
    transfer(network, 3);
    network.node(1).tick(5);
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
  });
});

function expectLeaderAmong(network: TestNetwork, id: NodeId): void {
  expect(network.leaders).toEqual([id]);
  expect(network.node(1).state.transferee).toBe(0);
}
