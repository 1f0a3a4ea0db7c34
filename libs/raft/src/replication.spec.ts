import { describe, expect, it } from "@jest/globals";
import type { LogIndex, Term } from "./numbers.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { bringTo, entry, leaderOf, TestNode, type TestNodeOptions } from "./test-support/test-node.ts";
import type { Progress } from "./tracker/progress.ts";

// Replication, commit and flow control (numbers F1 to F24 of the specification; F19 to F23 are in flow-control.spec.ts).

const three = [1, 2, 3];

function progressOf(node: TestNode, id: number): Progress {
  const progress = node.state.tracker.get(id);
  if (progress === undefined) throw new Error(`no progress for ${id}`);
  return progress;
}

/** A leader whose follower 2 has acknowledged the leader's first entry. */
function leaderWithFollower(options: TestNodeOptions = {}): TestNode {
  const leader = leaderOf([1, 2], options);
  leader.receive({ type: "MsgAppResp", from: 2, index: leader.state.log.lastIndex });
  leader.drain();
  return leader;
}

describe("entries reach all", () => {
  it.each([
    { values: ["x"], changeOfLeader: false },
    { values: ["x", "y"], changeOfLeader: true },
  ])("raft F1 $values, with a new leader between: $changeOfLeader", ({ values, changeOfLeader }) => {
    const network = freshNetwork(3);
    network.campaign(1);
    for (const [at, value] of values.entries()) {
      if (at > 0 && changeOfLeader) network.campaign(2);
      network.on(1, (node) => node.propose(value));
    }
    for (const node of network.nodes.values()) expect(node.values).toEqual(values);
  });

  it("raft F2 learners get them and do not count", () => {
    const network = new TestNetwork([
      new TestNode({ id: 1, voters: [1, 3], learners: [2] }),
      new TestNode({ id: 2, voters: [1, 3], learners: [2] }),
      new TestNode({ id: 3, voters: [1, 3], learners: [2] }),
    ]);
    network.campaign(1);
    network.isolate(3);
    network.on(1, (node) => node.propose("x"));
    expect(network.node(2).terms).toEqual([1, 1]);
    expect(network.node(1).state.log.committed).toBe(1);
    network.heal();
    network.on(1, (node) => node.tick());
    for (const node of network.nodes.values()) expect(node.values).toEqual(["x"]);
  });

  it("raft F3 a single voter commits what it has stored, and not before", () => {
    const node = leaderOf([1]);
    node.propose("x");
    const { committed } = node.state.log;
    node.core.ready();
    expect(node.state.log.committed).toBe(committed);
    node.core.advance();
    expect(node.state.log.committed).toBe(committed + 1);
  });

  it.each([
    { name: "without a quorum for them", heal: false },
    { name: "with one", heal: true },
  ])("raft F4 a new leader does not commit entries of former terms by themselves, $name", ({ heal }) => {
    const network = freshNetwork(5);
    network.campaign(1);
    for (const id of [3, 4, 5]) network.cut(1, id);
    network.on(1, (node) => node.propose("old"));
    expect(network.node(1).state.log.committed).toBe(1);
    network.heal();
    network.ignore("MsgApp");
    network.campaign(2);
    expect(network.leaders).toEqual([2]);
    expect(network.node(2).state.log.committed).toBe(1);
    if (!heal) return;
    network.heal();
    network.on(2, (node) => node.tick());
    network.on(2, (node) => node.propose("new"));
    for (const node of network.nodes.values()) expect(node.values).toEqual(["old", "new"]);
  });

  it("raft F5 a follower's proposals go to the leader; a candidate's are dropped, and without forwarding all", () => {
    const network = freshNetwork(3);
    expect(() => network.node(2).propose("x")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
    network.campaign(1);
    network.on(2, (node) => node.propose("x"));
    for (const node of network.nodes.values()) expect(node.values).toEqual(["x"]);
    const unforwarding = bringTo(
      new TestNode({ voters: three, disableProposalForwarding: true }),
      "follower",
      1,
    );
    unforwarding.receive({ type: "MsgHeartbeat", from: 2 });
    expect(() => unforwarding.propose("x")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
    const candidate = bringTo(new TestNode({ voters: three }), "candidate");
    expect(() => candidate.propose("x")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
  });
});

describe("commit", () => {
  it.each([
    { matches: [1], log: [1], term: 1, committed: 1 },
    { matches: [1], log: [1], term: 2, committed: 0 },
    { matches: [2], log: [1, 2], term: 2, committed: 2 },
    { matches: [1], log: [2], term: 2, committed: 1 },
    { matches: [2, 1, 1], log: [1, 2], term: 1, committed: 1 },
    { matches: [2, 1, 1], log: [1, 1], term: 2, committed: 0 },
    { matches: [2, 1, 2], log: [1, 2], term: 2, committed: 2 },
    { matches: [2, 1, 2], log: [1, 1], term: 2, committed: 0 },
    { matches: [2, 1, 1, 1], log: [1, 2], term: 1, committed: 1 },
    { matches: [2, 1, 1, 1], log: [1, 1], term: 2, committed: 0 },
    { matches: [2, 1, 1, 2], log: [1, 2], term: 1, committed: 1 },
    { matches: [2, 1, 1, 2], log: [1, 1], term: 2, committed: 0 },
    { matches: [2, 1, 2, 2], log: [1, 2], term: 2, committed: 2 },
    { matches: [2, 1, 2, 2], log: [1, 1], term: 2, committed: 0 },
  ])("raft F6 $matches of the log $log in term $term commit $committed", (row) => {
    const node = new TestNode({ voters: row.matches.map((_, at) => at + 1), log: row.log });
    node.state.term = row.term;
    node.state.role = "leader";
    for (const [at, match] of row.matches.entries()) {
      const progress = progressOf(node, at + 1);
      progress.match = match;
      progress.next = match + 1;
    }
    // Any acknowledgement makes the leader count.
    const first = progressOf(node, 1);
    first.match--;
    node.receive({ type: "MsgAppResp", from: 1, index: row.matches[0] ?? 0 });
    expect(node.state.log.committed).toBe(row.committed);
  });

  it.each([
    // The message's entries do not fit.
    { append: { term: 2, logTerm: 3, index: 2, commit: 3 }, last: 2, committed: 0, reject: true },
    { append: { term: 2, logTerm: 3, index: 3, commit: 3 }, last: 2, committed: 0, reject: true },
    // They do.
    { append: { term: 2, logTerm: 1, index: 1, commit: 1 }, last: 2, committed: 1, reject: false },
    { append: { term: 2, commit: 1, entries: [entry(2, 1)] }, last: 1, committed: 1, reject: false },
    {
      append: { term: 2, logTerm: 2, index: 2, commit: 3, entries: [entry(2, 3), entry(2, 4)] },
      last: 4,
      committed: 3,
      reject: false,
    },
    {
      append: { term: 2, logTerm: 2, index: 2, commit: 4, entries: [entry(2, 3)] },
      last: 3,
      committed: 3,
      reject: false,
    },
    {
      append: { term: 2, logTerm: 1, index: 1, commit: 4, entries: [entry(2, 2)] },
      last: 2,
      committed: 2,
      reject: false,
    },
    // Nothing beyond the message's last entry is known to be the leader's.
    { append: { term: 2, logTerm: 1, index: 1, commit: 3 }, last: 2, committed: 1, reject: false },
    {
      append: { term: 2, logTerm: 1, index: 1, commit: 3, entries: [entry(2, 2)] },
      last: 2,
      committed: 2,
      reject: false,
    },
    { append: { term: 2, logTerm: 2, index: 2, commit: 3 }, last: 2, committed: 2, reject: false },
    { append: { term: 2, logTerm: 2, index: 2, commit: 4 }, last: 2, committed: 2, reject: false },
  ])("raft F7 the append $append leads to a log of $last, committed $committed", ({ append, ...row }) => {
    const node = new TestNode({ id: 2, voters: three, log: [1, 2], hardState: { term: 2 } });
    node.receive({ type: "MsgApp", from: 1, ...append });
    expect(node.state.log.lastIndex).toBe(row.last);
    expect(node.state.log.committed).toBe(row.committed);
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", reject: row.reject }]);
  });

  it.each([
    { commit: 3, committed: 3 },
    { commit: 1, committed: 2 },
  ])("raft F8 a heartbeat with $commit moves a commit index of 2 to $committed: only forward", (row) => {
    const node = new TestNode({ id: 2, voters: [1, 2], log: [1, 2, 3], hardState: { term: 3, commit: 2 } });
    node.receive({ type: "MsgHeartbeat", from: 1, commit: row.commit });
    expect(node.state.log.committed).toBe(row.committed);
    expect(node.drain()).toMatchObject([{ type: "MsgHeartbeatResp", to: 1 }]);
  });

  it("raft F12 a heartbeat tells each follower no more than it is known to have", () => {
    const leader = leaderOf(three, { log: [1, 1, 1, 1], hardState: { term: 1 } });
    leader.receive({ type: "MsgAppResp", from: 2, index: 5 });
    leader.drain();
    leader.tick();
    const beats = leader.drain().filter(({ type }) => type === "MsgHeartbeat");
    expect(beats).toMatchObject([
      { to: 2, commit: 5 },
      { to: 3, commit: 0 },
    ]);
  });
});

describe("answers", () => {
  it("raft F9 a heartbeat response brings an append to who is behind or probed, and only to them", () => {
    const leader = leaderOf([1, 2], { log: [1, 1, 1], hardState: { term: 1 } });
    for (let round = 0; round < 2; round++) {
      leader.receive({ type: "MsgHeartbeatResp", from: 2 });
      expect(leader.drain()).toMatchObject([{ type: "MsgApp", index: 3 }]);
    }
    leader.receive({ type: "MsgAppResp", from: 2, index: 4 });
    leader.drain();
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    expect(leader.drain()).toEqual([]);
    leader.core.reportUnreachable(2);
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    expect(leader.drain()).toMatchObject([{ type: "MsgApp", index: 4, entries: [] }]);
  });

  it("raft F10 a follower that was waited for gets the next entries as soon as it answers", () => {
    const leader = leaderOf(three);
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    leader.propose("x");
    // Node 3 has not answered the first append, and is not sent a second one.
    expect(leader.drain()).toMatchObject([{ to: 2, index: 1 }]);
    leader.receive({ type: "MsgAppResp", from: 3, index: 1 });
    expect(leader.drain()).toMatchObject([{ to: 3, type: "MsgApp", index: 1, entries: [{ index: 2 }] }]);
  });

  it.each([
    { name: "a refusal of an append that was not sent", index: 3, reject: true, match: 0, next: 3, sent: [] },
    { name: "a refusal", index: 2, reject: true, match: 0, next: 2, sent: [1] },
    { name: "an acknowledgement", index: 2, reject: false, match: 2, next: 4, sent: [2] },
    { name: "an acknowledgement of nothing", index: 0, reject: false, match: 0, next: 4, sent: [0] },
  ])("raft F11 on $name the leader has match $match and next $next", (row) => {
    const leader = leaderOf(three, { log: [1, 1], hardState: { term: 1 } });
    leader.receive({
      type: "MsgAppResp",
      from: 2,
      index: row.index,
      reject: row.reject,
      rejectHint: row.index,
    });
    const progress = progressOf(leader, 2);
    expect([progress.match, progress.next]).toEqual([row.match, row.next]);
    expect(leader.drain().map(({ index }) => index)).toEqual(row.sent);
  });

  it("raft F13 next runs ahead in replication, and stays in probing", () => {
    const leader = leaderOf([1, 2]);
    const progress = progressOf(leader, 2);
    progress.becomeReplicate();
    leader.propose("x", "y");
    expect(progress.next).toBe(leader.state.log.lastIndex + 1);
    progress.becomeProbe();
    const { next } = progress;
    leader.propose("z");
    expect(progress.next).toBe(next);
  });

  it("raft F14 a probed follower gets one append per heartbeat interval", () => {
    const leader = leaderOf([1, 2], { heartbeatTicks: 1 });
    progressOf(leader, 2).becomeProbe();
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 5; at++) leader.propose("x");
      // The first round's append goes out with the first proposal, the others with the heartbeat response.
      expect(leader.drain().map(({ type }) => type)).toEqual(round === 0 ? ["MsgApp"] : []);
      expect(progressOf(leader, 2).isPaused).toBe(true);
      leader.tick();
      expect(leader.drain().map(({ type }) => type)).toEqual(["MsgHeartbeat"]);
      leader.receive({ type: "MsgHeartbeatResp", from: 2 });
      const appends = leader.drain();
      expect(appends).toMatchObject([{ type: "MsgApp", index: 0 }]);
      expect(appends[0]?.entries).toHaveLength((round + 1) * 5 + 1);
    }
  });

  it("raft F15 nothing is sent to a follower with a snapshot under way", () => {
    const leader = leaderOf([1, 2]);
    progressOf(leader, 2).becomeSnapshot(10);
    for (let at = 0; at < 10; at++) leader.propose("x");
    expect(leader.drain()).toEqual([]);
  });

  it("raft F16 an unreachable follower is probed from what it is known to have", () => {
    const leader = leaderWithFollower();
    leader.propose("x");
    leader.core.reportUnreachable(2);
    expect(progressOf(leader, 2)).toMatchObject({ state: "probe", match: 1, next: 2, appendsPaused: false });
  });

  it("raft F18 a refusal that arrives after a later acknowledgement does not pull next below match", () => {
    const leader = leaderWithFollower();
    for (const value of ["a", "b", "c"]) leader.propose(value);
    leader.receive({ type: "MsgAppResp", from: 2, index: 4 });
    leader.drain();
    leader.receive({ type: "MsgAppResp", from: 2, index: 2, reject: true, rejectHint: 1, logTerm: 1 });
    expect(progressOf(leader, 2)).toMatchObject({ state: "replicate", match: 4, next: 5 });
    expect(leader.drain()).toEqual([]);
  });
});

describe("fast repair", () => {
  const at = (index: LogIndex, term: Term) => ({ index, term });
  it.each([
    // The follower's tail is of other terms than the leader has there.
    { leader: [1, 3, 3, 3, 5, 5, 5, 5, 5], follower: [1, 1, 1, 1, 2, 2], hint: at(6, 2), next: at(1, 1) },
    {
      leader: [1, 3, 3, 3, 5, 5, 5, 5, 5],
      follower: [1, 3, 3, 3, 3, 3, 3, 7],
      hint: at(7, 3),
      next: at(4, 3),
    },
    { leader: [1, 3, 3, 3, 3, 3, 3, 4], follower: [1, 3, 3, 3, 3, 3, 3, 7], hint: at(7, 3), next: at(7, 3) },
    { leader: [1, 1, 1, 1, 4, 5], follower: [1, 1, 1, 1, 2, 4, 4, 4], hint: at(6, 4), next: at(5, 4) },
    { leader: [2, 5, 5, 5, 5, 5], follower: [2, 4, 4, 4, 4, 4, 4, 4], hint: at(6, 4), next: at(1, 2) },
    { leader: [2, 2, 2, 2, 2], follower: [2, 4, 4, 4, 4, 4, 4, 4], hint: at(1, 2), next: at(1, 2) },
    { leader: [2, 2, 5], follower: [2, 2, 4, 4, 4, 4], hint: at(3, 4), next: at(2, 2) },
    // The follower's log is the beginning of the leader's.
    { leader: [1, 1, 1, 1, 1, 1], follower: [1, 1], hint: at(2, 1), next: at(2, 1) },
    { leader: [1, 2, 3, 4], follower: [], hint: at(0, 0), next: at(0, 0) },
    // Nothing in common.
    { leader: [3], follower: [1], hint: at(1, 1), next: at(0, 0) },
    { leader: [2, 2, 2, 2], follower: [3, 3, 3, 3], hint: at(0, 0), next: at(0, 0) },
  ])("raft F17 $leader against $follower: hint $hint, then a probe after $next", (row) => {
    const { leader, follower, hint, next } = row;
    const leading = leaderOf(three, { log: leader, hardState: { term: 8 } });
    const following = new TestNode({ id: 2, voters: three, log: follower, hardState: { term: 8 } });
    // The leader probes from the end that its log had at the election.
    const probe = { index: leader.length, logTerm: leader.at(-1) ?? 0 };
    following.receive({ type: "MsgApp", from: 1, term: 9, ...probe });
    const [refusal] = following.drain();
    if (refusal === undefined) throw new Error("expected an answer");
    expect(refusal).toMatchObject({ reject: true, rejectHint: hint.index, logTerm: hint.term });
    leading.receive({ ...refusal, from: 2 });
    expect(leading.drain()).toMatchObject([{ type: "MsgApp", index: next.index, logTerm: next.term }]);
  });

  it("raft F17 a hint from a compacted place has no term, and the leader probes right there", () => {
    const follower = new TestNode({
      id: 2,
      voters: three,
      log: [1, 3, 3, 3, 3, 3],
      hardState: { commit: 5 },
    });
    follower.drain();
    follower.compact(5);
    expect(follower.state.log.findConflictByTerm(4, 3)).toEqual({ index: 4, term: 0 });
    const leader = leaderOf(three, { log: [1, 3, 3, 3, 5, 5], hardState: { term: 8 } });
    leader.receive({ type: "MsgAppResp", from: 2, index: 6, reject: true, rejectHint: 4, logTerm: 0 });
    expect(leader.drain()).toMatchObject([{ type: "MsgApp", index: 4, logTerm: 3 }]);
  });
});

describe("the uncommitted tail", () => {
  it("raft F24 takes proposals up to the limit, and more only when something of it was applied", () => {
    const leader = leaderOf(three, { maxUncommittedBytes: 20 });
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    for (let at = 0; at < 4; at++) leader.propose("12345");
    expect(() => leader.propose("1")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
    // Nothing was appended for the one that was dropped.
    expect(leader.state.log.lastIndex).toBe(5);
    // Payloads of nothing always go.
    leader.propose("");
    leader.drain();
    leader.receive({ type: "MsgAppResp", from: 2, index: 6 });
    leader.drain();
    expect(leader.values).toHaveLength(4);
    // Into the empty tail goes anything, however large; after it nothing more.
    leader.propose("x".repeat(1000));
    expect(() => leader.propose("1")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
    leader.propose("");
  });

  it("is counted anew in each term", () => {
    const leader = leaderOf(three, { maxUncommittedBytes: 5 });
    leader.propose("12345");
    bringTo(leader, "follower");
    bringTo(leader, "leader");
    leader.propose("12345");
    expect(() => leader.propose("1")).toThrow(expect.objectContaining({ code: "proposal-dropped" }));
  });
});
