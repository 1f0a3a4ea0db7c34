import { describe, expect, it } from "@jest/globals";
import { type Entry, message } from "@trellis/raft";

import { Safety } from "./safety.ts";

function entry(index: number, term: number, text: string): Entry {
  return { index, term, type: "EntryNormal", data: Buffer.from(`\u0002${text}`) };
}

function append(term: number, index: number, logTerm: number, entries: readonly Entry[]) {
  return message({ type: "MsgApp", from: 1, to: 2, term, index, logTerm, entries });
}

describe("the safety checks", () => {
  it("find nothing wrong with a leader, its entries, and those who apply them", () => {
    const safety = new Safety();
    safety.elected(1, 2, 4);
    safety.elected(1, 2, 5);
    safety.sent(append(2, 4, 1, [entry(5, 2, "a"), entry(6, 2, "b")]));
    safety.sent(append(2, 5, 2, [entry(6, 2, "b")]));
    for (const node of [1, 2]) safety.applied(node, 5, Buffer.from("a"));
    safety.state(1, 32, 7);
    safety.state(2, 32, 7);
    expect(safety.violations).toEqual([]);
  });

  it("find two leaders of one term", () => {
    const safety = new Safety();
    safety.elected(1, 2, 4);
    safety.elected(3, 2, 4);
    expect(safety.violations).toEqual(["1 and 3 both lead term 2"]);
  });

  it("find two votes in one term, given or asked for", () => {
    const safety = new Safety();
    safety.sent(message({ type: "MsgVoteResp", from: 2, to: 1, term: 3, reject: true }));
    safety.sent(message({ type: "MsgVoteResp", from: 2, to: 1, term: 3 }));
    safety.sent(message({ type: "MsgVote", from: 2, to: 3, term: 3 }));
    expect(safety.violations).toEqual(["2 voted for 1 and for 2 in term 3"]);
  });

  it("find one index and term with two contents, or after two terms", () => {
    const safety = new Safety();
    safety.sent(append(2, 4, 1, [entry(5, 2, "a")]));
    safety.sent(append(2, 4, 1, [entry(5, 2, "other")]));
    safety.sent(append(3, 4, 3, [entry(5, 2, "a")]));
    expect(safety.violations).toHaveLength(2);
  });

  it("find a leader that sends something else than what was committed", () => {
    const safety = new Safety();
    safety.applied(1, 5, Buffer.from("a"));
    safety.sent(append(4, 4, 1, [entry(5, 4, "b")]));
    expect(safety.violations).toEqual(["1 sends an entry 5 of term 4 that differs from the committed one"]);
  });

  it("find a leader whose log is shorter than what was applied, unless it learns late that it was elected", () => {
    const safety = new Safety();
    safety.applied(1, 9, Buffer.from("a"));
    safety.elected(2, 5, 9);
    safety.elected(3, 4, 8);
    expect(safety.violations).toEqual([]);
    safety.elected(3, 6, 8);
    expect(safety.violations).toEqual(["3 leads term 6 with a log up to 8, although 9 was applied"]);
  });

  it("find replicas that apply different entries, or come to different states", () => {
    const safety = new Safety();
    safety.applied(1, 5, Buffer.from("a"));
    safety.applied(2, 5, Buffer.from("b"));
    safety.state(1, 32, 7);
    safety.state(2, 32, 8);
    expect(safety.violations).toHaveLength(2);
  });
});
