import { describe, expect, it } from "@jest/globals";
import { message } from "./message.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { bytes, leaderOf, TestNode, type TestNodeOptions } from "./test-support/test-node.ts";

// Reads (numbers R1 to R7 of the specification).

const three = [1, 2, 3];

/** The indexes at which a node may serve its reads, since it was last asked. */
function indexesOf(node: TestNode): number[] {
  return node.readStates.splice(0).map(({ index }) => index);
}

function networkWithLeader(options: TestNodeOptions = {}): TestNetwork {
  const network = freshNetwork(3, options);
  network.campaign(1);
  return network;
}

function proposeSome(network: TestNetwork, count: number): void {
  for (let at = 0; at < count; at++) network.on(1, (node) => node.propose("x"));
}

describe("safe reads", () => {
  it.each([1, 2, 3])("raft R1 a read on node %i is answered with what was committed when it came", (id) => {
    const network = networkWithLeader();
    for (const expected of [11, 21, 31]) {
      proposeSome(network, 10);
      network.on(id, (node) => node.core.readIndex(bytes("context")));
      expect(network.node(id).readStates.at(-1)?.context).toEqual(bytes("context"));
      expect(indexesOf(network.node(id))).toEqual([expected]);
    }
  });

  it("raft R2 a learner may ask, and its answers to heartbeats confirm nothing", () => {
    const options = { voters: [1, 2], learners: [3] };
    const network = new TestNetwork(three.map((id) => new TestNode({ id, ...options })));
    network.campaign(1);
    network.on(3, (node) => node.core.readIndex(bytes("r")));
    expect(indexesOf(network.node(3))).toEqual([1]);
    network.isolate(2);
    network.on(3, (node) => node.core.readIndex(bytes("r")));
    expect(indexesOf(network.node(3))).toEqual([]);
  });

  it("are confirmed by heartbeats sent after they came, not by earlier ones", () => {
    const leader = leaderOf(three);
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.tick();
    leader.drain();
    leader.core.readIndex(bytes("r"));
    leader.drain();
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    leader.drain();
    expect(leader.readStates).toEqual([]);
  });

  it("are confirmed by both majorities of a joint configuration", () => {
    const leader = leaderOf([1, 2, 3], { confState: { votersOutgoing: [4, 5, 6] } });
    for (const id of [2, 4, 5]) leader.receive({ type: "MsgAppResp", from: id, index: 1 });
    leader.core.readIndex(bytes("r"));
    const beat = leader.drain().findLast(({ type }) => type === "MsgHeartbeat");
    const context = beat?.context ?? bytes("");
    for (const id of [2, 3, 4]) leader.receive({ type: "MsgHeartbeatResp", from: id, context });
    leader.drain();
    expect(leader.readStates).toEqual([]);
    leader.receive({ type: "MsgHeartbeatResp", from: 5, context });
    leader.drain();
    expect(leader.readStates).toMatchObject([{ index: 1 }]);
  });

  it("a confirmation of one read confirms all before it, and the next round the rest", () => {
    const leader = leaderOf(three);
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    const contexts = ["a", "b", "c"].map((name) => {
      leader.core.readIndex(bytes(name));
      return leader.drain().find(({ to }) => to === 2)?.context ?? bytes("");
    });
    leader.receive({ type: "MsgHeartbeatResp", from: 2, context: contexts[1] ?? bytes("") });
    leader.drain();
    expect(leader.readStates.map(({ context }) => new TextDecoder().decode(context))).toEqual(["a", "b"]);
    leader.tick();
    const beat = leader.drain().find(({ to }) => to === 3);
    leader.receive({ type: "MsgHeartbeatResp", from: 3, context: beat?.context ?? bytes("") });
    leader.drain();
    expect(leader.readStates).toHaveLength(3);
  });

  it("raft R4 wait until a new leader has committed an entry of its own", () => {
    const network = networkWithLeader();
    proposeSome(network, 3);
    network.isolate(1);
    network.ignore("MsgAppResp");
    network.campaign(2);
    network.on(2, (node) => node.core.readIndex(bytes("r")));
    network.on(3, (node) => node.core.readIndex(bytes("s")));
    expect(network.node(2).readStates).toEqual([]);
    network.heal();
    network.on(2, (node) => node.tick());
    network.on(2, (node) => node.propose("x"));
    // The former leader's entries, the empty one, and not the one after the reads.
    expect(indexesOf(network.node(2))).toEqual([5]);
    expect(indexesOf(network.node(3))).toEqual([5]);
  });

  it("raft R5 with one and the same context are each answered", () => {
    const network = networkWithLeader();
    network.node(1).core.readIndex(bytes("same"));
    network.node(1).core.readIndex(bytes("same"));
    network.settle();
    proposeSome(network, 1);
    network.on(1, (node) => node.core.readIndex(bytes("same")));
    expect(indexesOf(network.node(1))).toEqual([1, 1, 2]);
  });

  it("raft R6 leave nothing behind once they are answered, nor after the term", () => {
    const network = networkWithLeader();
    for (let at = 0; at < 100; at++) network.on(1, (node) => node.core.readIndex(bytes("r")));
    const { state } = network.node(1);
    expect(state.reads.size).toBe(0);
    network.isolate(1);
    network.on(1, (node) => node.core.readIndex(bytes("r")));
    expect(state.reads.size).toBe(1);
    network.campaign(2);
    network.heal();
    network.on(2, (node) => node.tick());
    expect(state).toMatchObject({ role: "follower", earlyReads: [] });
    expect(state.reads.size).toBe(0);
    expect(network.node(1).readStates).toHaveLength(100);
  });

  it("are refused when too many wait", () => {
    const leader = leaderOf(three, { maxPendingReads: 2 });
    for (let at = 0; at < 2; at++) leader.core.readIndex(bytes("r"));
    expect(() => leader.core.readIndex(bytes("r"))).toThrow(
      expect.objectContaining({ code: "read-dropped" }),
    );
  });

  it("raft R7 that reach a former leader go on to the new one, or are lost when there is none", () => {
    const network = networkWithLeader();
    network.campaign(2);
    network.send(message({ type: "MsgReadIndex", from: 3, to: 1, entries: readOf("r") }));
    expect(indexesOf(network.node(3))).toEqual([2]);
    const nobodyLeads = new TestNode({ voters: three });
    nobodyLeads.core.readIndex(bytes("r"));
    expect(nobodyLeads.drain()).toEqual([]);
    expect(nobodyLeads.readStates).toEqual([]);
  });

  it("on a single voter are answered at once, but not before its first entry is committed", () => {
    const node = new TestNode({ voters: [1] });
    node.core.campaign();
    node.processReady();
    expect(node.state.role).toBe("leader");
    node.core.readIndex(bytes("early"));
    expect(node.state.readStates).toEqual([]);
    expect(node.core.confirmedIndex).toBeUndefined();
    node.drain();
    expect(node.core.confirmedIndex).toBe(1);
    expect(indexesOf(node)).toEqual([1]);
    node.core.readIndex(bytes("later"));
    expect(node.state.readStates).toHaveLength(1);
    node.core.stepDown();
    expect(node.core.confirmedIndex).toBeUndefined();
  });

  it("are confirmed by nobody alone where several vote, or where the one that leads votes no more", () => {
    expect(networkWithLeader().node(1).core.confirmedIndex).toBeUndefined();
    const joint = leaderOf([1], { confState: { votersOutgoing: [2] } });
    expect(joint.core.confirmedIndex).toBeUndefined();
  });
});

describe("lease-based reads", () => {
  const options = { readOnly: "lease-based", checkQuorum: true } as const;

  it.each([1, 2, 3])("raft R3 a read on node %i is answered without asking anybody but the leader", (id) => {
    const network = networkWithLeader(options);
    proposeSome(network, 10);
    network.ignore("MsgHeartbeat");
    network.on(id, (node) => node.core.readIndex(bytes("r")));
    expect(indexesOf(network.node(id))).toEqual([11]);
  });

  it("raft R3 see nothing old: a leader cut off asks again before the others elect, long before it steps down", () => {
    const network = networkWithLeader(options);
    const all = [...network.nodes.values()];
    const former = network.node(1);
    for (const node of all) node.core.overrideElectionTimeout(19);
    // The last answers come right after a quorum check, so the next but one ends the leadership.
    for (let ticks = 0; ticks < 11; ticks++) for (const { id } of all) network.on(id, (node) => node.tick());
    network.isolate(1);
    const servedAfter: number[] = [];
    for (let ticks = 0; network.node(2).state.role !== "leader"; ticks++) {
      former.core.readIndex(bytes("r"));
      if (former.state.readStates.length > 0) servedAfter.push(ticks);
      for (const { id } of all) network.on(id, (node) => node.tick());
      former.readStates.length = 0;
      network.campaign(2);
    }
    // The others were ready to elect after an election timeout; the former leader has not noticed.
    expect(former.state.role).toBe("leader");
    network.on(2, (node) => node.propose("news"));
    former.core.readIndex(bytes("r"));
    network.settle();
    expect(former.readStates).toEqual([]);
    expect(servedAfter).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("raft R3 are confirmed by a quorum while the lease has run out, and served again when it is renewed", () => {
    const leader = leaderOf(three, options);
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    leader.tick(8);
    const [beat] = leader.drain().slice(-1);
    leader.core.readIndex(bytes("waits"));
    expect(leader.state.readStates).toEqual([]);
    leader.receive({ type: "MsgHeartbeatResp", from: 2, context: beat?.context ?? bytes("") });
    leader.drain();
    expect(leader.readStates).toEqual([]);
    leader.core.readIndex(bytes("by the renewed lease"));
    expect(leader.state.readStates).toMatchObject([{ context: bytes("by the renewed lease") }]);
    const [later] = leader.drain().slice(-1);
    leader.tick();
    const [next] = leader.drain().slice(-1);
    expect(later).not.toEqual(next);
    leader.receive({ type: "MsgHeartbeatResp", from: 3, context: next?.context ?? bytes("") });
    leader.drain();
    expect(leader.readStates).toHaveLength(2);
  });

  it("ask for confirmation once somebody was told to take over", () => {
    const network = networkWithLeader(options);
    network.ignore("MsgTimeoutNow");
    network.on(1, (node) => node.core.transferLeadership(2));
    // The others answer heartbeats all the time.
    for (let ticks = 0; ticks < 10; ticks++) network.on(1, (node) => node.tick());
    expect(network.node(1).state).toMatchObject({ role: "leader", transferee: 0 });
    network.ignore("MsgHeartbeatResp");
    network.on(1, (node) => node.core.readIndex(bytes("r")));
    expect(network.node(1).readStates).toEqual([]);
    network.heal();
    network.on(1, (node) => node.tick());
    expect(indexesOf(network.node(1))).toEqual([1]);
  });

  it("need a follower that keeps its leader in mind", () => {
    const network = networkWithLeader(options);
    network.on(2, (node) => node.core.forgetLeader());
    expect(network.node(2).state.leader).toBe(1);
    const safe = networkWithLeader();
    safe.on(2, (node) => node.core.forgetLeader());
    expect(safe.node(2).state).toMatchObject({ leader: 0, term: 1, vote: 1 });
  });

  it("cannot be had without quorum check", () => {
    expect(() => new TestNode({ readOnly: "lease-based", checkQuorum: false })).toThrow(
      /expected checkQuorum/,
    );
  });
});

function readOf(context: string) {
  return [{ term: 0, index: 0, type: "EntryNormal" as const, data: bytes(context) }];
}
