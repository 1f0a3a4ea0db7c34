import { describe, expect, it } from "@jest/globals";
import { Inflights } from "./tracker/inflights.ts";
import { leaderOf, type TestNode, type TestNodeOptions } from "./test-support/test-node.ts";
import type { Progress } from "./tracker/progress.ts";

// The window of appends in flight (numbers F19 to F23 of the specification).

const maxInflightMessages = 4;

/** A leader that replicates to node 2 with nothing in flight. */
function replicatingLeader(options: TestNodeOptions = {}): TestNode {
  const leader = leaderOf([1, 2], { maxInflightMessages, ...options });
  leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
  leader.drain();
  return leader;
}

function progressOf(leader: TestNode): Progress {
  const progress = leader.state.tracker.get(2);
  if (progress === undefined) throw new Error("no progress for 2");
  return progress;
}

/** Proposes one by one until the window is full. */
function fillWindow(leader: TestNode): void {
  for (let at = 0; at < maxInflightMessages; at++) leader.propose("x");
  expect(leader.drain()).toHaveLength(maxInflightMessages);
}

describe("a full window", () => {
  it("raft F19 lets nothing more through", () => {
    const leader = replicatingLeader();
    fillWindow(leader);
    expect(progressOf(leader).inflights.isFull).toBe(true);
    for (let at = 0; at < 10; at++) {
      leader.propose("x");
      expect(leader.drain()).toEqual([]);
    }
  });

  it("raft F20 moves on with each acknowledgement, and not with old ones", () => {
    const leader = replicatingLeader();
    fillWindow(leader);
    for (let index = 2; index < 10; index++) {
      leader.receive({ type: "MsgAppResp", from: 2, index });
      leader.drain();
      leader.propose("x");
      expect(leader.drain().filter(({ entries }) => entries.length > 0)).toHaveLength(1);
      expect(progressOf(leader).inflights.isFull).toBe(true);
      for (let old = 0; old < index; old++) leader.receive({ type: "MsgAppResp", from: 2, index: old });
      expect(leader.drain()).toEqual([]);
      expect(progressOf(leader).inflights.isFull).toBe(true);
    }
  });

  it("raft F21 lets one empty append through per heartbeat response", () => {
    const leader = replicatingLeader();
    fillWindow(leader);
    leader.propose("waits");
    for (let round = 1; round < 5; round++) {
      for (let times = 0; times < round; times++) {
        leader.receive({ type: "MsgHeartbeatResp", from: 2 });
        expect(leader.drain()).toMatchObject([{ type: "MsgApp", entries: [] }]);
      }
      // None without one.
      for (let times = 0; times < 10; times++) leader.propose("x");
      expect(leader.drain()).toEqual([]);
    }
  });
});

describe("a paused follower", () => {
  it("raft F22 is sent to once, and again after a heartbeat response", () => {
    const leader = leaderOf([1, 2]);
    for (let at = 0; at < 3; at++) leader.propose("x");
    expect(leader.drain()).toHaveLength(1);
    expect(progressOf(leader).isPaused).toBe(true);
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    expect(leader.drain()).toMatchObject([{ type: "MsgApp", index: 0 }]);
    expect(progressOf(leader).isPaused).toBe(true);
    leader.receive({ type: "MsgAppResp", from: 2, index: 4 });
    expect(progressOf(leader)).toMatchObject({ state: "replicate", isPaused: false });
  });
});

describe("a probed follower", () => {
  it("that has everything is replicated to again, once it answers the empty append", () => {
    const leader = replicatingLeader();
    leader.core.reportUnreachable(2);
    expect(progressOf(leader).state).toBe("probe");
    leader.receive({ type: "MsgHeartbeatResp", from: 2 });
    const [append] = leader.drain();
    expect(append).toMatchObject({ type: "MsgApp", entries: [] });
    leader.receive({ type: "MsgAppResp", from: 2, index: append?.index ?? 0 });
    expect(progressOf(leader).state).toBe("replicate");
  });
});

describe("sizes", () => {
  const kilobyte = "x".repeat(1000);

  it("raft F23 a burst is cut into messages of the greatest size, within the window", () => {
    const leader = leaderOf([1, 2], { maxInflightMessages: 3, maxMessageBytes: 2048 });
    for (let at = 0; at < 10; at++) leader.propose(kilobyte);
    // A probe, of the leader's first entry and as much as fits; its answer opens the window.
    expect(leader.drain().map(({ entries }) => entries.length)).toEqual([2]);
    leader.receive({ type: "MsgAppResp", from: 2, index: 2 });
    const burst = leader.drain().filter(({ entries }) => entries.length > 0);
    expect(burst.map(({ entries }) => entries.length)).toEqual([2, 2, 2]);
    leader.receive({ type: "MsgAppResp", from: 2, index: 6 });
    const more = leader.drain().filter(({ entries }) => entries.length > 0);
    expect(more.map(({ entries }) => entries.length)).toEqual([2, 1]);
  });

  it("raft F23 bytes limit the window too, and one message may overshoot", () => {
    const leader = leaderOf([1, 2], { maxInflightBytes: 2500, maxMessageBytes: 1 });
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    leader.drain();
    for (let at = 0; at < 10; at++) leader.propose(kilobyte);
    expect(leader.drain()).toHaveLength(3);
  });

  it("raft F23 an entry larger than a message still travels, alone", () => {
    const leader = replicatingLeader({ maxMessageBytes: 100 });
    leader.propose(kilobyte, "small");
    expect(leader.drain()).toMatchObject([{ index: 1, entries: [{ index: 2 }] }]);
    // One append per proposal and follower; what did not fit follows the answer, or the next proposal.
    leader.receive({ type: "MsgAppResp", from: 2, index: 2 });
    expect(leader.drain()).toMatchObject([{ index: 2, entries: [{ index: 3 }] }]);
  });
});

describe("the count of what is in flight", () => {
  it("frees what is answered, oldest first, and keeps the rest", () => {
    const window = new Inflights(10, 0);
    for (let index = 1; index <= 10; index++) window.add(index, 100);
    expect(window).toMatchObject({ count: 10, isFull: true });
    expect(() => window.add(11, 100)).toThrow(/full window/);
    window.freeUpTo(0);
    expect(window.count).toBe(10);
    window.freeUpTo(4);
    expect(window.count).toBe(6);
    window.freeUpTo(8);
    for (let index = 11; index <= 18; index++) window.add(index, 100);
    expect(window).toMatchObject({ count: 10, isFull: true });
    window.freeUpTo(18);
    expect(window.count).toBe(0);
  });

  it("counts bytes until they are answered", () => {
    const window = new Inflights(10, 250);
    window.add(1, 100);
    window.add(2, 100);
    expect(window.isFull).toBe(false);
    window.add(3, 100);
    expect(window.isFull).toBe(true);
    const copy = window.clone();
    window.freeUpTo(1);
    expect(window.isFull).toBe(false);
    expect(copy.isFull).toBe(true);
    copy.reset();
    expect(copy).toMatchObject({ count: 0, isFull: false });
  });
});
