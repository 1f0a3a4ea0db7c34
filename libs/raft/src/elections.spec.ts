import { describe, expect, it } from "@jest/globals";
import { confChangeV1 } from "./confchange/conf-change.ts";
import { message, type MessageType } from "./message.ts";
import type { NodeId, Term } from "./numbers.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { seededRandom } from "./test-support/random.ts";
import { bringTo, entry, leaderOf, TestNode, type TestNodeOptions } from "./test-support/test-node.ts";

// Elections with and without pre-votes (numbers E1 to E19 of the specification).

const three = [1, 2, 3];
const roles = ["follower", "pre-candidate", "candidate", "leader"] as const;

/** A network of `size` voters of which only those with a log are there. */
function networkOf(
  size: number,
  logs: Readonly<Record<NodeId, readonly Term[]>>,
  options: TestNodeOptions = {},
) {
  const voters = Array.from({ length: size }, (_, at) => at + 1);
  return new TestNetwork(
    voters.map((id) => {
      const log = logs[id];
      if (log === undefined) return undefined;
      const term = log.at(-1) ?? 0;
      return new TestNode({ ...options, id, voters, log, hardState: { term } });
    }),
  );
}

describe.each([
  { preVote: false, name: "without pre-vote" },
  { preVote: true, name: "with pre-vote" },
])("elections $name", ({ preVote }) => {
  const waiting = preVote ? "pre-candidate" : "candidate";

  it.each([
    { size: 3, logs: { 1: [], 2: [], 3: [] }, role: "leader", term: 1 },
    { size: 3, logs: { 1: [], 2: [] }, role: "leader", term: 1 },
    { size: 3, logs: { 1: [] }, role: waiting, term: preVote ? 0 : 1 },
    { size: 4, logs: { 1: [], 4: [] }, role: waiting, term: preVote ? 0 : 1 },
    { size: 5, logs: { 1: [], 4: [], 5: [] }, role: "leader", term: 1 },
    { size: 5, logs: { 1: [], 2: [1], 3: [1], 4: [1, 1], 5: [] }, role: "follower", term: 1 },
  ])(
    "raft E1 in a network of $size with the logs $logs the candidate is $role",
    ({ size, logs, role, term }) => {
      const network = networkOf(size, logs as Record<NodeId, Term[]>, { preVote });
      network.campaign(1);
      expect(network.node(1).state).toMatchObject({ role, term });
    },
  );

  it("raft E5 leadership goes round, and each leader's log reaches all", () => {
    const network = freshNetwork(3, { preVote });
    for (const id of [1, 2, 3, 1]) {
      network.campaign(id);
      expect(network.leaders).toEqual([id]);
    }
    for (const node of network.nodes.values()) expect(node.terms).toEqual([1, 2, 3, 4]);
  });

  it("raft E6 an uncommitted entry of a later term gives way to a leader that did not know it", () => {
    // Node 1 led term 1, node 2 term 2, and nobody but itself got its entry; node 3 holds nodes 1 and 4 up to date.
    const network = new TestNetwork([
      new TestNode({ id: 1, voters: [1, 2, 3, 4, 5], preVote, log: [1], hardState: { term: 2, vote: 3 } }),
      new TestNode({ id: 2, voters: [1, 2, 3, 4, 5], preVote, log: [1], hardState: { term: 2, vote: 3 } }),
      new TestNode({ id: 3, voters: [1, 2, 3, 4, 5], preVote, log: [2], hardState: { term: 2, vote: 3 } }),
      new TestNode({ id: 4, voters: [1, 2, 3, 4, 5], preVote, hardState: { term: 2, vote: 3 } }),
      new TestNode({ id: 5, voters: [1, 2, 3, 4, 5], preVote, hardState: { term: 2, vote: 3 } }),
    ]);
    network.campaign(1);
    if (network.leaders.length === 0) network.campaign(1);
    expect(network.leaders).toEqual([1]);
    const { term } = network.node(1).state;
    for (const node of network.nodes.values()) expect(node.terms).toEqual([1, term]);
  });

  it("raft E8 of two candidates that cannot reach each other the one with the shorter log never wins", () => {
    const network = freshNetwork(3, { preVote });
    network.cut(1, 3);
    network.campaign(1);
    network.campaign(3);
    expect(network.node(1).state.role).toBe("leader");
    // Without pre-votes node 2 has refused in term 1 and node 3 goes on; with them its request is refused.
    expect(network.node(3).state.role).toBe(preVote ? "follower" : "candidate");
    network.heal();
    network.campaign(3);
    expect(network.node(3).state.role).toBe("follower");
    if (preVote) {
      expect(network.leaders).toEqual([1]);
      expect([...network.nodes.values()].map(({ state }) => state.term)).toEqual([1, 1, 1]);
    } else {
      // It deposes the leader, but does not lead.
      expect(network.leaders).toEqual([]);
      expect([...network.nodes.values()].map(({ state }) => state.term)).toEqual([2, 2, 2]);
    }
  });

  it("raft E10 a single voter elects itself at once and asks nobody", () => {
    const node = new TestNode({ voters: [1], preVote });
    node.core.campaign();
    expect(node.drain()).toEqual([]);
    expect(node.state).toMatchObject({ role: "leader", term: 1 });
    expect(node.state.log.committed).toBe(1);
  });

  it("raft E17 the own vote that is stored after the election was lost does not count", () => {
    const node = new TestNode({ voters: three, preVote });
    node.core.campaign();
    node.receive({ type: "MsgHeartbeat", from: 2, term: 1 });
    node.drain();
    expect(node.state).toMatchObject({ role: "follower", leader: 2, term: 1 });
    node.receive({ type: preVote ? "MsgPreVoteResp" : "MsgVoteResp", from: 3 });
    expect(node.state.role).toBe("follower");
  });
});

describe("learners", () => {
  const learner = (options: TestNodeOptions = {}): TestNode =>
    new TestNode({ id: 2, voters: [1], learners: [2], ...options });

  it("raft E2 a learner never asks for an election", () => {
    const node = learner();
    node.tick(2 * node.state.options.electionTicks);
    node.core.campaign();
    expect(node.state.role).toBe("follower");
    expect(node.drain()).toEqual([]);
  });

  it("raft E3 a promoted learner can lead", () => {
    const network = new TestNetwork([new TestNode({ voters: [1], learners: [2] }), learner()]);
    network.campaign(1);
    network.on(1, (node) => node.core.proposeConfChange(confChangeV1("add-node", 2)));
    expect(network.node(2).confState).toMatchObject({ voters: [1, 2], learners: [] });
    network.campaign(2);
    expect(network.leaders).toEqual([2]);
    expect(network.node(1).state).toMatchObject({ role: "follower", leader: 2, term: 2 });
  });

  it("raft E4 a learner votes when it is asked", () => {
    const node = learner();
    node.receive({ type: "MsgVote", from: 1, term: 2, logTerm: 11, index: 11 });
    expect(node.drain()).toMatchObject([{ type: "MsgVoteResp", to: 1, reject: false }]);
  });
});

describe("votes", () => {
  it.each(roles.flatMap((role) => (["MsgVote", "MsgPreVote"] as const).map((type) => ({ role, type }))))(
    "raft E7 as $role a node grants a $type of a later term to a log like its own",
    ({ role, type }) => {
      const node = bringTo(new TestNode({ voters: three }), role, 1);
      node.drain();
      const before = { ...node.state };
      const last = node.state.log.lastEntryId;
      node.receive({ type, from: 2, term: before.term + 1, logTerm: last.term, index: last.index });
      expect(node.drain().at(-1)).toMatchObject({
        type: `${type}Resp`,
        to: 2,
        term: before.term + 1,
        reject: false,
      });
      if (type === "MsgVote") {
        expect(node.state).toMatchObject({ role: "follower", term: before.term + 1, vote: 2 });
      } else {
        expect(node.state).toMatchObject({ role: before.role, term: before.term, vote: before.vote });
      }
    },
  );

  it("a refused request does not put off the voter's own election", () => {
    const node = new TestNode({ voters: three, log: [1, 1], hardState: { term: 1 } });
    node.tick(9);
    node.receive({ type: "MsgVote", from: 2, term: 1, logTerm: 1, index: 1 });
    expect(node.state.electionElapsed).toBe(9);
    node.receive({ type: "MsgVote", from: 2, term: 1, logTerm: 1, index: 2 });
    expect(node.state).toMatchObject({ electionElapsed: 0, vote: 2 });
  });

  it("raft E9 a candidate concedes to the leader it hears from, and takes over its log", () => {
    const network = freshNetwork(3);
    network.isolate(1);
    network.campaign(1);
    network.campaign(3);
    network.heal();
    expect(network.node(1).state.role).toBe("candidate");
    network.on(3, (node) => node.tick());
    network.on(3, (node) => node.propose("x"));
    expect(network.node(1).state).toMatchObject({ role: "follower", leader: 3, term: 1 });
    for (const node of network.nodes.values()) expect(node.values).toEqual(["x"]);
  });

  it("raft E11 messages of a dead term change nothing", () => {
    const network = freshNetwork(3);
    for (const id of [1, 2, 1]) network.campaign(id);
    // The leader of term 2 was slow.
    network.send(
      message({ type: "MsgApp", from: 2, to: 1, term: 2, index: 2, logTerm: 2, entries: [entry(2, 3)] }),
    );
    network.on(1, (node) => node.propose("x"));
    for (const node of network.nodes.values()) expect(node.terms).toEqual([1, 2, 3, 3]);
  });

  it.each([
    { elapsed: 5, expected: 0 },
    { elapsed: 10, expected: 0.1 },
    { elapsed: 13, expected: 0.4 },
    { elapsed: 15, expected: 0.6 },
    { elapsed: 18, expected: 0.9 },
    { elapsed: 20, expected: 1 },
  ])("raft E12 after $elapsed ticks of [10, 19] the timeout has passed with probability $expected", (row) => {
    const node = new TestNode({ voters: [1], random: seededRandom(row.elapsed) });
    const rounds = 10_000;
    let passed = 0;
    for (let round = 0; round < rounds; round++) {
      bringTo(node, "follower");
      if (row.elapsed >= node.state.randomizedElectionTicks) passed++;
    }
    expect(Math.round((passed / rounds) * 10) / 10).toBe(row.expected);
  });

  // Log of the voter: (2, 1), (2, 2). A vote is for a log with (logTerm, index), when the own vote is with `vote`.
  it.each([
    ...(["follower", "candidate", "leader"] as const).flatMap((role) => [
      { role, index: 0, logTerm: 0, vote: 0, refused: true },
      { role, index: 2, logTerm: 0, vote: 0, refused: true },
      { role, index: 3, logTerm: 1, vote: 0, refused: true },
      { role, index: 1, logTerm: 2, vote: 0, refused: true },
      { role, index: 2, logTerm: 2, vote: 0, refused: role !== "follower" },
      { role, index: 3, logTerm: 3, vote: 1, refused: true },
      { role, index: 3, logTerm: 3, vote: 2, refused: false },
    ]),
    { role: "follower" as const, index: 3, logTerm: 2, vote: 0, refused: false },
  ])("raft E13 a $role with its vote at $vote refuses ($index, $logTerm): $refused", (row) => {
    const node = new TestNode({ voters: [1, 2], log: [2, 2], hardState: { term: 3 } });
    node.state.role = row.role;
    node.state.vote = row.vote;
    // Candidates and leaders have voted for themselves; "no vote" is theirs.
    if (row.role !== "follower" && row.vote === 0) node.state.vote = 1;
    node.receive({ type: "MsgVote", from: 2, index: row.index, logTerm: row.logTerm });
    expect(node.drain()).toMatchObject([{ type: "MsgVoteResp", reject: row.refused }]);
  });

  it.each([
    { from: "follower", to: "follower", allowed: true },
    { from: "follower", to: "pre-candidate", allowed: true },
    { from: "follower", to: "candidate", allowed: true },
    { from: "follower", to: "leader", allowed: false },
    { from: "pre-candidate", to: "follower", allowed: true },
    { from: "pre-candidate", to: "pre-candidate", allowed: true },
    { from: "pre-candidate", to: "candidate", allowed: true },
    { from: "candidate", to: "follower", allowed: true },
    { from: "candidate", to: "candidate", allowed: true },
    { from: "candidate", to: "leader", allowed: true },
    { from: "leader", to: "follower", allowed: true },
    { from: "leader", to: "pre-candidate", allowed: false },
    { from: "leader", to: "candidate", allowed: false },
    { from: "leader", to: "leader", allowed: true },
  ] as const)("raft E14 from $from to $to: $allowed", (row) => {
    const { state } = bringTo(new TestNode({ voters: [1] }), row.from);
    const term = row.to === "candidate" ? state.term + 1 : state.term;
    const become = {
      follower: () => becomeFollower(state, state.term, 0),
      "pre-candidate": () => becomePreCandidate(state),
      candidate: () => becomeCandidate(state),
      leader: () => becomeLeader(state),
    }[row.to];
    if (!row.allowed) {
      expect(become).toThrow(/cannot become/);
      return;
    }
    become();
    expect(state).toMatchObject({ role: row.to, term, leader: row.to === "leader" ? 1 : 0 });
  });

  it.each(roles.flatMap((role) => (["MsgVote", "MsgApp"] as const).map((type) => ({ role, type }))))(
    "raft E15 a $role steps down on a $type of a later term",
    ({ role, type }) => {
      const node = bringTo(new TestNode({ voters: three, checkQuorum: false }), role, 2);
      node.receive({ type, from: 2, term: 5, logTerm: 5 });
      expect(node.state).toMatchObject({
        role: "follower",
        term: 5,
        leader: type === "MsgApp" ? 2 : 0,
        electionElapsed: 0,
      });
    },
  );

  it.each(["MsgHeartbeat", "MsgApp"] as MessageType[])(
    "raft E16 a candidate cut off returns to the leader of its term with a %s, and with a new timeout",
    (type) => {
      const network = freshNetwork(3);
      network.campaign(1);
      network.isolate(3);
      const loser = network.node(3);
      for (let ticks = 0; loser.state.role !== "candidate" || ticks > 100; ticks++) loser.tick();
      loser.drain();
      expect(loser.state.term).toBe(2);
      network.campaign(1);
      network.campaign(2);
      network.heal();
      const leader = network.node(2).state;
      loser.receive({ type, from: 2, term: leader.term });
      expect(loser.state).toMatchObject({
        role: "follower",
        leader: 2,
        term: leader.term,
        electionElapsed: 0,
      });
    },
  );

  it("raft E18 the own pre-vote, stored when the election itself is on, is no vote", () => {
    const node = new TestNode({ voters: three, preVote: true });
    node.core.campaign();
    const ready = node.core.ready();
    expect(ready.messages).toHaveLength(2);
    // Others grant before this node has stored anything.
    for (const from of [2, 3]) node.receive({ type: "MsgPreVoteResp", from, term: 1 });
    expect(node.state).toMatchObject({ role: "candidate", term: 1 });
    // Now its pre-vote comes, and then nothing but one real vote: together they would be a quorum.
    node.core.advance();
    expect(node.state.tracker.tallyVotes()).toMatchObject({ granted: 0 });
    node.drain();
    expect(node.state.tracker.tallyVotes()).toMatchObject({ granted: 1 });
    expect(node.state.role).toBe("candidate");
  });

  it("raft E19 what a leader stored in a past term it does not count in the next", () => {
    const node = leaderOf(three);
    node.propose("x");
    node.core.ready();
    // While that is being stored, another leads for a term, and then this node again.
    node.receive({ type: "MsgHeartbeat", from: 2, term: 2 });
    bringTo(node, "leader");
    expect(node.state.term).toBe(3);
    const own = node.state.tracker.get(1);
    const before = own?.match;
    node.receive({ type: "MsgAppResp", from: 1, term: 1, index: 2 });
    expect(own?.match).toBe(before);
  });
});
