import { describe, expect, it } from "@jest/globals";
import { message, type Message } from "./message.ts";
import type { NodeId, Term } from "./numbers.ts";
import { freshNetwork, TestNetwork } from "./test-support/test-network.ts";
import { bringTo, entry, leaderOf, TestNode } from "./test-support/test-node.ts";
import { seededRandom } from "./test-support/random.ts";

// The rules of the paper, one after the other (numbers P1 to P21 of the specification).

const three = [1, 2, 3];
const five = [1, 2, 3, 4, 5];

function to(messages: readonly Message[]): NodeId[] {
  return messages.map((sent) => sent.to);
}

/** The answer of a node that has stored everything of an append. */
function acknowledge(leader: TestNode, from: NodeId, index: number): void {
  leader.receive({ type: "MsgAppResp", from, index });
}

describe("terms (§5.1)", () => {
  it.each(["follower", "candidate", "leader"] as const)(
    "raft P1 a %s that sees a later term follows in it",
    (role) => {
      const node = bringTo(new TestNode({ voters: three }), role, 1);
      expect(node.state.term).toBe(1);
      node.receive({ type: "MsgApp", from: 2, term: 2 });
      expect(node.state).toMatchObject({ role: "follower", term: 2, leader: 2, vote: 0 });
    },
  );

  it("raft P2 an append of a past term is not looked at", () => {
    const node = new TestNode({ voters: three, log: [1], hardState: { term: 2, commit: 1 } });
    node.receive({
      type: "MsgApp",
      from: 2,
      term: 1,
      index: 1,
      logTerm: 1,
      entries: [entry(1, 2)],
      commit: 2,
    });
    expect(node.terms).toEqual([1]);
    expect(node.state).toMatchObject({ term: 2, leader: 0 });
    expect(node.drain()).toEqual([]);
  });
});

describe("leader election (§5.2)", () => {
  it("raft P3 a node starts as a follower", () => {
    expect(new TestNode({ voters: three }).state.role).toBe("follower");
  });

  it("raft P4 a leader sends one heartbeat to each peer in each interval", () => {
    const leader = leaderOf(three, { heartbeatTicks: 2 });
    leader.tick();
    expect(leader.drain()).toEqual([]);
    leader.tick();
    const messages = leader.drain();
    expect(to(messages)).toEqual([2, 3]);
    for (const { type, entries } of messages)
      expect({ type, entries }).toEqual({ type: "MsgHeartbeat", entries: [] });
  });

  it.each(["follower", "candidate"] as const)("raft P5 a %s that hears nothing holds an election", (role) => {
    const node = bringTo(new TestNode({ voters: three }), role, 1);
    node.drain();
    node.tick(2 * node.state.options.electionTicks);
    const votes = node.drain();
    expect(node.state).toMatchObject({ role: "candidate", term: 2, vote: 1 });
    expect(to(votes)).toEqual([2, 3]);
    for (const { type, term } of votes) expect({ type, term }).toEqual({ type: "MsgVote", term: 2 });
  });

  it.each([
    { size: 1, granted: [], refused: [], role: "leader" },
    { size: 3, granted: [2, 3], refused: [], role: "leader" },
    { size: 3, granted: [2], refused: [], role: "leader" },
    { size: 5, granted: [2, 3, 4, 5], refused: [], role: "leader" },
    { size: 5, granted: [2, 3], refused: [], role: "leader" },
    { size: 3, granted: [], refused: [2, 3], role: "follower" },
    { size: 5, granted: [], refused: [2, 3, 4, 5], role: "follower" },
    { size: 5, granted: [2], refused: [3, 4, 5], role: "follower" },
    { size: 3, granted: [], refused: [], role: "candidate" },
    { size: 5, granted: [2], refused: [], role: "candidate" },
    { size: 5, granted: [], refused: [], role: "candidate" },
  ])("raft P6 with $granted for and $refused against it a candidate of $size is a $role", (round) => {
    const node = new TestNode({ voters: five.slice(0, round.size) });
    node.core.campaign();
    node.drain();
    for (const from of round.granted) node.receive({ type: "MsgVoteResp", from });
    for (const from of round.refused) node.receive({ type: "MsgVoteResp", from, reject: true });
    expect(node.state).toMatchObject({ role: round.role, term: 1 });
  });

  it.each([
    { vote: 0, from: 1, refused: false },
    { vote: 0, from: 2, refused: false },
    { vote: 1, from: 1, refused: false },
    { vote: 2, from: 2, refused: false },
    { vote: 1, from: 2, refused: true },
    { vote: 2, from: 1, refused: true },
  ])("raft P7 with its vote at $vote a follower refuses $from: $refused", ({ vote, from, refused }) => {
    const node = new TestNode({ id: 3, voters: three, hardState: { term: 1, vote } });
    node.receive({ type: "MsgVote", from });
    expect(node.drain()).toMatchObject([{ type: "MsgVoteResp", to: from, term: 1, reject: refused }]);
  });

  it.each([1, 2])("raft P8 a candidate of term 1 follows whoever appends in term %i", (term: Term) => {
    const node = bringTo(new TestNode({ voters: three }), "candidate", 1);
    node.receive({ type: "MsgApp", from: 2, term });
    expect(node.state).toMatchObject({ role: "follower", leader: 2, term });
  });

  it.each(["follower", "candidate"] as const)("raft P9 the timeouts of a %s cover all of [T, 2T)", (role) => {
    const node = new TestNode({ voters: three });
    const seen = new Set<number>();
    for (let round = 0; round < 500; round++) {
      bringTo(node, role);
      let ticks = 0;
      for (; node.drain().every(({ type }) => type !== "MsgVote"); ticks++) node.tick();
      seen.add(ticks);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("raft P10 in most rounds a single one of five times out first", () => {
    const random = seededRandom(10);
    let conflicts = 0;
    const rounds = 1000;
    for (let round = 0; round < rounds; round++) {
      const nodes = five.map((id) =>
        bringTo(new TestNode({ id, voters: five, electionTicks: 10, random }), "follower"),
      );
      const first = Math.min(...nodes.map(({ state }) => state.randomizedElectionTicks));
      if (nodes.filter(({ state }) => state.randomizedElectionTicks === first).length > 1) conflicts++;
    }
    expect(conflicts / rounds).toBeLessThan(0.3);
  });
});

describe("log replication (§5.3)", () => {
  it("raft P11 a proposal is appended and sent to all, and not committed yet", () => {
    const leader = leaderOf(three);
    for (const id of [2, 3]) acknowledge(leader, id, 1);
    leader.drain();
    leader.propose("some data");
    const messages = leader.drain();
    expect(leader.state.log.committed).toBe(1);
    expect(to(messages)).toEqual([2, 3]);
    for (const sent of messages) {
      expect(sent).toMatchObject({ type: "MsgApp", term: 1, index: 1, logTerm: 1, commit: 1 });
      expect(sent.entries).toEqual([entry(1, 2, "some data")]);
    }
  });

  it("raft P12 what a quorum has is committed, applied, and told with the next append", () => {
    const leader = leaderOf(three);
    for (const id of [2, 3]) acknowledge(leader, id, 1);
    leader.propose("some data");
    leader.drain();
    acknowledge(leader, 2, 2);
    const messages = leader.drain();
    expect(leader.state.log.committed).toBe(2);
    expect(leader.values).toEqual(["some data"]);
    expect(messages).toMatchObject([
      { to: 2, type: "MsgApp", commit: 2 },
      { to: 3, type: "MsgApp", commit: 2 },
    ]);
  });

  it.each([
    { size: 1, acks: [], committed: true },
    { size: 3, acks: [], committed: false },
    { size: 3, acks: [2], committed: true },
    { size: 3, acks: [2, 3], committed: true },
    { size: 5, acks: [], committed: false },
    { size: 5, acks: [2], committed: false },
    { size: 5, acks: [2, 3], committed: true },
    { size: 5, acks: [2, 3, 4], committed: true },
    { size: 5, acks: [2, 3, 4, 5], committed: true },
  ])("raft P13 of $size, $acks and the leader commit: $committed", ({ size, acks, committed }) => {
    const voters = five.slice(0, size);
    const leader = leaderOf(voters);
    for (const id of voters) acknowledge(leader, id, 1);
    leader.propose("x");
    leader.drain();
    for (const id of acks) acknowledge(leader, id, 2);
    expect(leader.state.log.committed >= 2).toBe(committed);
  });

  it.each([[[]], [[2]], [[1, 2]], [[1]]])(
    "raft P14 committing an entry of its term commits the leader's log %p before it, in order",
    (log: Term[]) => {
      const leader = leaderOf(three, { log, hardState: { term: 2 } });
      leader.propose("mine");
      leader.drain();
      acknowledge(leader, 2, log.length + 2);
      leader.drain();
      expect(leader.applied.map(({ term, index }) => [term, index])).toEqual(
        [...log, 3, 3].map((term, at) => [term, at + 1]),
      );
    },
  );

  it.each([
    { entries: [entry(1, 1, "a")], commit: 1 },
    { entries: [entry(1, 1, "a"), entry(1, 2, "b")], commit: 2 },
    { entries: [entry(1, 1, "b"), entry(1, 2, "a")], commit: 2 },
    { entries: [entry(1, 1, "a"), entry(1, 2, "b")], commit: 1 },
  ])("raft P15 a follower applies what the leader says is committed, $commit", ({ entries, commit }) => {
    const node = new TestNode({ voters: three });
    node.receive({ type: "MsgApp", from: 2, term: 1, entries, commit });
    node.drain();
    expect(node.applied).toEqual(entries.slice(0, commit));
  });

  it.each([
    { index: 0, logTerm: 0, answer: { index: 1, reject: false, rejectHint: 0 } },
    { index: 1, logTerm: 1, answer: { index: 1, reject: false, rejectHint: 0 } },
    { index: 2, logTerm: 2, answer: { index: 2, reject: false, rejectHint: 0 } },
    { index: 2, logTerm: 1, answer: { index: 2, reject: true, rejectHint: 1, logTerm: 1 } },
    { index: 3, logTerm: 3, answer: { index: 3, reject: true, rejectHint: 2, logTerm: 2 } },
  ])("raft P16 an append after ($index, $logTerm) is answered by $answer", ({ index, logTerm, answer }) => {
    const node = new TestNode({ voters: three, log: [1, 2], hardState: { commit: 1 } });
    bringTo(node, "follower", 2);
    node.receive({ type: "MsgApp", from: 2, index, logTerm });
    expect(node.drain()).toMatchObject([{ type: "MsgAppResp", to: 2, term: 2, ...answer }]);
  });

  it.each([
    { index: 2, logTerm: 2, entries: [entry(3, 3)], terms: [1, 2, 3], stored: [3] },
    { index: 1, logTerm: 1, entries: [entry(3, 2), entry(4, 3)], terms: [1, 3, 4], stored: [2, 3] },
    { index: 0, logTerm: 0, entries: [entry(1, 1)], terms: [1, 2], stored: [] },
    { index: 0, logTerm: 0, entries: [entry(3, 1)], terms: [3], stored: [1] },
  ])("raft P17 $entries.length entries after $index give the terms $terms", (append) => {
    const node = new TestNode({ voters: three, log: [1, 2] });
    bringTo(node, "follower", 4);
    const { index, logTerm, entries } = append;
    node.receive({ type: "MsgApp", from: 2, index, logTerm, entries });
    const stored = node.core.ready().entries.map((each) => each.index);
    expect(node.terms).toEqual(append.terms);
    expect(stored).toEqual(append.stored);
  });

  const figure7: Term[] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  it.each([
    ["(a) an entry short", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ["(b) far behind", [1, 1, 1, 4]],
    ["(c) an entry too many", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ["(d) entries of a later term", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ["(e) other entries of the same term", [1, 1, 1, 4, 4, 4, 4]],
    ["(f) entries of other terms", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ] as [string, Term[]][])("raft P18 the leader of figure 7 repairs the log %s", (_name, log) => {
    const leader = new TestNode({
      voters: three,
      log: figure7,
      hardState: { term: 8, commit: figure7.length },
    });
    const follower = new TestNode({ id: 2, voters: three, log, hardState: { term: 7 } });
    // Node 3 gives its vote and keeps still.
    const network = new TestNetwork([leader, follower]);
    network.campaign(1);
    network.send(message({ type: "MsgVoteResp", to: 1, from: 3, term: leader.state.term }));
    network.on(1, (node) => node.propose(""));
    expect(follower.terms).toEqual(leader.terms);
    expect(leader.terms).toEqual([...figure7, 9, 9]);
  });
});

describe("safety (§5.4)", () => {
  it.each([[[1]], [[1, 2]], [[1, 1, 3]]])(
    "raft P19 a request for votes tells the end of the log %p",
    (log: Term[]) => {
      const node = new TestNode({ voters: three, log, hardState: { term: 3 } });
      node.core.campaign();
      const expected = { type: "MsgVote", term: 4, index: log.length, logTerm: log.at(-1) };
      expect(node.drain()).toMatchObject([
        { ...expected, to: 2 },
        { ...expected, to: 3 },
      ]);
    },
  );

  it.each([
    { log: [1], logTerm: 1, index: 1, refused: false },
    { log: [1], logTerm: 1, index: 2, refused: false },
    { log: [1, 1], logTerm: 1, index: 1, refused: true },
    { log: [1], logTerm: 2, index: 1, refused: false },
    { log: [1], logTerm: 2, index: 2, refused: false },
    { log: [1, 1], logTerm: 2, index: 1, refused: false },
    { log: [2], logTerm: 1, index: 1, refused: true },
    { log: [2], logTerm: 1, index: 2, refused: true },
  ])("raft P20 a voter with $log refuses a log ending in ($index, $logTerm): $refused", (row) => {
    const node = new TestNode({ voters: [1, 2], log: row.log });
    node.receive({ type: "MsgVote", from: 2, term: 3, logTerm: row.logTerm, index: row.index });
    expect(node.drain()).toMatchObject([{ type: "MsgVoteResp", to: 2, term: 3, reject: row.refused }]);
  });

  it.each([
    { acknowledged: 1, committed: 0 },
    { acknowledged: 2, committed: 0 },
    { acknowledged: 3, committed: 3 },
  ])(
    "raft P21 an acknowledgement of $acknowledged commits $committed: only the own term is counted",
    (row) => {
      const leader = leaderOf([1, 2], { log: [1, 2], hardState: { term: 2 } });
      expect(leader.terms).toEqual([1, 2, 3]);
      leader.propose("");
      acknowledge(leader, 2, row.acknowledged);
      expect(leader.state.log.committed).toBe(row.committed);
    },
  );

  it("gives leadership only to logs with all that is committed", () => {
    const network = freshNetwork(3);
    network.campaign(1);
    network.isolate(3);
    network.on(1, (node) => node.propose("kept"));
    network.heal();
    network.campaign(3);
    expect(network.leaders).toEqual([]);
    network.campaign(2);
    expect(network.leaders).toEqual([2]);
    expect(network.node(3).values).toEqual(["kept"]);
  });
});
