import { describe, expect, it } from "@jest/globals";
import { confChangeV1 } from "./confchange/conf-change.ts";
import { encodeConfChange } from "./confchange/encoding.ts";
import type { Message } from "./message.ts";
import { freshNetwork, type TestNetwork } from "./test-support/test-network.ts";
import { bringTo, entry, TestNode, type TestNodeOptions } from "./test-support/test-node.ts";

const three = [1, 2, 3];

/** Leader 1 of two removes itself and steps down. It alone knows that this is committed, and has an entry that 2 lacks. */
function removedAhead(options: TestNodeOptions): TestNetwork {
  const network = freshNetwork(2, { ...options, stepDownOnRemoval: true });
  network.campaign(1);
  const { committed } = network.node(1).state.log;
  network.onMessage = ({ type, commit, entries }) =>
    type !== "MsgApp" || (commit <= committed && entries.every((sent) => sent.type !== "EntryNormal"));
  network.on(1, (node) => {
    node.core.proposeConfChange(confChangeV1("remove-node", 1));
    node.propose("nobody else has this");
  });
  network.heal();
  expect(network.leaders).toEqual([]);
  expect(network.node(2).state.log).toMatchObject({ committed, lastIndex: committed + 1 });
  return network;
}

/** The refusal of a voter whose log ends with these terms, and of which so many entries are committed. */
function refusalOf(log: readonly number[], commit: number): Message {
  const voter = new TestNode({ id: 2, voters: three, log, hardState: { term: 3, commit } });
  voter.receive({ type: "MsgVote", from: 1, term: 3, index: 0, logTerm: 0 });
  const [refusal] = voter.drain();
  if (refusal === undefined) throw new Error("expected an answer");
  expect(refusal).toMatchObject({ type: "MsgVoteResp", reject: true, to: 1 });
  return refusal;
}

/** A candidate of term 3 with the entries (1, 1) and (2, 2), the second of which removes node 3, and nothing committed. */
function candidate(role: "candidate" | "leader" = "candidate"): TestNode {
  const node = new TestNode({ voters: three, log: [1] });
  const removal = { ...entry(2, 2), ...encodeConfChange(confChangeV1("remove-node", 3)) };
  node.receive({ type: "MsgApp", from: 2, term: 2, index: 1, logTerm: 1, entries: [removal] });
  node.drain();
  return bringTo(node, role, 3);
}

describe("a refused vote", () => {
  it.each([{ preVote: false }, { preVote: true, checkQuorum: true }])(
    "tells of the change that removed the voter, so that those who are left can elect: %p",
    (options) => {
      const network = removedAhead(options);
      network.node(2).tick(20);
      network.settle();
      expect(network.node(2).state).toMatchObject({ role: "follower", leader: 0 });
      network.node(2).tick(20);
      network.settle();
      expect(network.leaders).toEqual([2]);
    },
  );

  it("tells which change is committed, and ends the campaign in the configuration before it", () => {
    const node = candidate();
    node.receive(refusalOf([1, 2, 2], 2));
    expect(node.state).toMatchObject({ role: "follower", term: 3, vote: 1 });
    expect(node.state.log).toMatchObject({ committed: 2, applied: 0 });
  });

  it("tells nothing of entries that the candidate has not, and commits nothing but changes", () => {
    const node = candidate();
    for (const refusal of [
      refusalOf([1, 3, 3], 2), // another entry in that place
      refusalOf([1, 2, 2], 3), // beyond the candidate's log
      refusalOf([1, 2, 2], 1), // before the change
      refusalOf([1, 2, 2], 0), // nothing
      { ...refusalOf([1, 2, 2], 2), context: new Uint8Array(3) },
    ]) {
      node.receive(refusal);
      // Two refusals of one voter are one.
      expect(node.state).toMatchObject({ role: "candidate", log: { committed: 0 } });
    }
  });

  it("tells it also when it is of a past term, whose other messages change nothing", () => {
    const node = candidate();
    bringTo(node, "pre-candidate", 5);
    node.receive(refusalOf([1, 2, 2], 2));
    expect(node.state).toMatchObject({ role: "follower", term: 5, log: { committed: 2 } });
  });

  it("does not move a leader's commit index, which is its own to find", () => {
    const node = candidate("leader");
    node.receive(refusalOf([1, 2, 2], 2));
    expect(node.state).toMatchObject({ role: "leader", log: { committed: 0 } });
  });
});
