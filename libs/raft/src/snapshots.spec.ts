import { describe, expect, it } from "@jest/globals";
import { message } from "./message.ts";
import type { ConfState } from "./snapshot.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { bringTo, leaderOf, snapshotAt, TestNode, type TestNodeOptions } from "./test-support/test-node.ts";
import { describeConfiguration } from "./tracker/configuration.ts";

// Snapshots (numbers S1 to S11 of the specification).

const three = [1, 2, 3];

/** A node that gets a snapshot at (11, 11) with these members from node 2. */
function restored(members: Partial<ConfState>, options: TestNodeOptions = {}): TestNode {
  const node = new TestNode({ voters: [1, 2], ...options });
  node.receive({ type: "MsgSnap", from: 2, term: 11, snapshot: snapshotAt(11, 11, members) });
  return node;
}

/** A leader with a log that begins after 11, and follower 2 that answered its probe with nothing. */
function leaderWithCompactedLog(options: TestNodeOptions = {}): TestNode {
  const node = restored({ voters: [1, 2] }, options);
  node.drain();
  bringTo(node, "leader");
  node.drain();
  return node;
}

function progressOf(node: TestNode, id: number) {
  const progress = node.state.tracker.get(id);
  if (progress === undefined) throw new Error(`no progress for ${id}`);
  return progress;
}

describe("a follower", () => {
  it("raft S1 takes log, term and members from a snapshot, once", () => {
    const node = restored({ voters: three });
    expect(node.state.log).toMatchObject({ lastIndex: 11, firstIndex: 12, committed: 11 });
    expect(node.state.log.term(11)).toBe(11);
    expect(describeConfiguration(node.state.tracker.configuration)).toBe("voters=(1 2 3)");
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", to: 2, index: 11, reject: false }]);
    // Again it is old news.
    node.receive({ type: "MsgSnap", from: 2, snapshot: snapshotAt(11, 11, { voters: [1, 2] }) });
    expect(describeConfiguration(node.state.tracker.configuration)).toBe("voters=(1 2 3)");
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", to: 2, index: 11 }]);
    // It campaigns only when the snapshot is stored and applied.
    node.core.campaign();
    expect(node.state.role).toBe("candidate");
  });

  it("does not campaign while a snapshot is to be stored", () => {
    const node = restored({ voters: three });
    node.core.campaign();
    node.tick(100);
    expect(node.state.role).toBe("follower");
  });

  it("raft S2 takes over who learns", () => {
    const node = restored({ voters: [2, 3], learners: [1] });
    expect(describeConfiguration(node.state.tracker.configuration)).toBe("voters=(2 3) learners=(1)");
    expect(progressOf(node, 1).isLearner).toBe(true);
    node.drain();
    node.core.campaign();
    expect(node.state.role).toBe("follower");
  });

  it("raft S3 takes over a joint configuration, and may be of its outgoing half only", () => {
    const members = { voters: [2, 3, 4], votersOutgoing: [1, 2, 3], learnersNext: [1], autoLeave: true };
    const node = restored(members);
    expect(describeConfiguration(node.state.tracker.configuration)).toBe(
      "voters=(2 3 4)&&(1 2 3) learners_next=(1) autoleave",
    );
    expect([...node.state.tracker.progress.keys()]).toEqual([1, 2, 3, 4]);
  });

  it.each([
    { before: { voters: three }, after: { voters: [1, 2], learners: [3] }, isLearner: true },
    { before: { voters: [1, 2], learners: [3] }, after: { voters: three }, isLearner: false },
  ])("raft S4 may become learner or voter by it: $after", ({ before, after, isLearner }) => {
    const node = restored(after, { id: 3, ...before });
    expect(progressOf(node, 3).isLearner).toBe(isLearner);
    expect(node.state.log.lastIndex).toBe(11);
  });

  it("raft S5 whose log has the snapshot's entry only learns that it is committed", () => {
    const node = new TestNode({ voters: [1, 2], log: [1, 1, 1], hardState: { term: 1, commit: 1 } });
    node.receive({ type: "MsgSnap", from: 2, snapshot: snapshotAt(2, 1, { voters: [1, 2] }) });
    expect(node.terms).toEqual([1, 1, 1]);
    expect(node.state.log.committed).toBe(2);
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", to: 2, index: 2 }]);
  });

  it("drops a log that has another entry in the snapshot's place, and all after it", () => {
    const node = new TestNode({ voters: [1, 2], log: [1, 1, 1], hardState: { term: 1, commit: 1 } });
    node.receive({ type: "MsgSnap", from: 2, term: 2, snapshot: snapshotAt(2, 2, { voters: [1, 2] }) });
    expect(node.terms).toEqual([]);
    expect(node.state.log).toMatchObject({ committed: 2, lastIndex: 2 });
  });

  it("ignores a snapshot that does not name it", () => {
    const node = restored({ voters: [2, 3] });
    expect(node.state.log.lastIndex).toBe(0);
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", index: 0 }]);
  });
});

describe("a leader", () => {
  it("raft S6 sends a snapshot when what a follower needs is compacted", () => {
    const leader = leaderWithCompactedLog();
    const progress = progressOf(leader, 2);
    progress.next = leader.state.log.firstIndex;
    progress.recentActive = true;
    leader.receive({ type: "MsgAppResp", from: 2, index: progress.next - 1, reject: true });
    const [sent] = leader.drain();
    expect(sent).toMatchObject({ type: "MsgSnap", to: 2, snapshot: { metadata: { index: 11, term: 11 } } });
    expect(progress).toMatchObject({ state: "snapshot", pendingSnapshot: 11 });
  });

  it("raft S7 sends none to a follower that is silent", () => {
    const leader = leaderWithCompactedLog();
    const progress = progressOf(leader, 2);
    progress.next = 1;
    progress.recentActive = false;
    leader.propose("x");
    expect(leader.drain()).toEqual([]);
    expect(progress.state).toBe("probe");
  });

  it("asks again later when there is no snapshot at the moment", () => {
    const leader = leaderWithCompactedLog();
    const progress = progressOf(leader, 2);
    leader.storage.snapshot = () => undefined;
    leader.receive({ type: "MsgAppResp", from: 2, index: 11, reject: true });
    expect(leader.drain()).toEqual([]);
    expect(progress.state).toBe("probe");
    Reflect.deleteProperty(leader.storage, "snapshot");
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    expect(leader.drain()).toMatchObject([{ type: "MsgSnap" }]);
  });

  describe("with a snapshot under way", () => {
    const sending = (): { leader: TestNode; progress: ReturnType<typeof progressOf> } => {
      const leader = leaderWithCompactedLog();
      const progress = progressOf(leader, 2);
      progress.next = 1;
      progress.becomeSnapshot(11);
      return { leader, progress };
    };

    it("raft S9 that failed, probes after what the follower had, at the next heartbeat response", () => {
      const { leader, progress } = sending();
      leader.core.reportSnapshot(2, "failed");
      expect(progress).toMatchObject({ state: "probe", pendingSnapshot: 0, next: 1, isPaused: true });
    });

    it("raft S9 that arrived, probes after it, when the follower answers", () => {
      const { leader, progress } = sending();
      leader.core.reportSnapshot(2, "delivered");
      expect(progress).toMatchObject({ state: "probe", pendingSnapshot: 0, next: 12, isPaused: true });
    });

    it("raft S9 replicates as soon as the follower's answer reaches the log, without a report", () => {
      const { leader, progress } = sending();
      // Less than the snapshot, but the log goes on from there.
      leader.receive({ type: "MsgAppResp", from: 2, index: 11 });
      expect(progress).toMatchObject({ state: "replicate", pendingSnapshot: 0, match: 11 });
      leader.drain();
      // A late report means nothing.
      leader.core.reportSnapshot(2, "failed");
      expect(progress.state).toBe("replicate");
    });

    it("raft S10 sends nothing else", () => {
      const { leader, progress } = sending();
      leader.propose("x");
      leader.receive({ type: "MsgHeartbeatResp", from: 2 });
      expect(leader.drain()).toEqual([]);
      expect(progress).toMatchObject({ state: "snapshot", isPaused: true });
    });
  });
});

describe("the whole way", () => {
  it("raft S8 a node cut off for 100 entries and a compaction catches up", () => {
    const network = freshNetwork(3);
    network.campaign(1);
    network.isolate(3);
    for (let at = 0; at < 100; at++) network.on(1, (node) => node.propose(`${at}`));
    network.node(1).compact(network.node(1).state.log.applied);
    network.heal();
    // Silent followers get no snapshot; a heartbeat finds out that this one lives.
    for (let at = 0; at < 2; at++) network.on(1, (node) => node.tick());
    expect(network.node(3).state.log.committed).toBe(network.node(1).state.log.committed);
    network.on(1, (node) => node.propose("after"));
    expect(network.node(3).values).toEqual(["after"]);
    expect(network.node(1).state.tracker.get(3)?.state).toBe("replicate");
  });

  it("raft S11 a learner gets one too", () => {
    const options = { voters: [1], learners: [2] };
    const network = new TestNetwork([
      new TestNode({ id: 1, ...options }),
      new TestNode({ id: 2, ...options }),
    ]);
    network.isolate(2);
    network.campaign(1);
    network.on(1, (node) => node.propose("x"));
    network.node(1).compact(2);
    network.heal();
    network.on(1, (node) => node.tick());
    expect(network.node(2).state.log).toMatchObject({ committed: 2, firstIndex: 3 });
    expect(network.node(2).confState).toMatchObject({ voters: [1], learners: [2] });
  });

  it("a snapshot for a leader is not taken: it would be of a past term", () => {
    const leader = leaderOf(three, { hardState: { term: 5 } });
    leader.receive(
      message({ type: "MsgSnap", from: 2, term: 5, snapshot: snapshotAt(9, 5, { voters: three }) }),
    );
    expect(leader.state).toMatchObject({ role: "leader", term: 6 });
    expect(leader.state.log.lastIndex).toBe(1);
  });
});
