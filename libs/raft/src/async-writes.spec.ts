import { describe, expect, it } from "@jest/globals";
import type { Message } from "./message.ts";
import { appendThread } from "./numbers.ts";
import { bringTo, entry, TestNode } from "./test-support/test-node.ts";

// Asynchronous storage writes: what waits for the append thread, and what its answers prove (specification §4.3).

/** A follower of node 2 in term 1, with what its append thread still has to do. */
class AsyncFollower {
  readonly node = new TestNode({ voters: [1, 2, 3], asyncStorageWrites: true });
  readonly work: Message[] = [];

  /** Takes an append of these terms' entries after `index`, and hands the writes to the thread. */
  append(term: number, index: number, logTerm: number, ...terms: number[]): void {
    const entries = terms.map((of, at) => entry(of, index + 1 + at));
    this.node.receive({ type: "MsgApp", from: term % 2 === 1 ? 2 : 3, term, index, logTerm, entries });
    this.collect();
  }

  collect(): void {
    while (this.node.core.hasReady()) {
      this.work.push(...this.node.core.ready().messages.filter(({ to }) => to === appendThread));
    }
  }

  /** The thread does its oldest work; returns what it lets go to others. */
  store(): Message[] {
    const work = this.work.shift();
    if (work === undefined) throw new Error("the append thread has nothing to do");
    this.node.storage.append(work.entries);
    for (const response of work.responses) if (response.to === 1) this.node.receive(response);
    this.collect();
    return work.responses.filter(({ to }) => to !== 1);
  }

  get unstable(): number[] {
    return this.node.state.log.unstable.entries.map(({ term }) => term);
  }
}

describe("the append thread", () => {
  it("releases an acknowledgement only when the entries are stored, also of an append that repeats them", () => {
    const follower = new AsyncFollower();
    follower.append(1, 0, 0, 1, 1);
    follower.append(1, 0, 0, 1, 1);
    expect(follower.work.map(({ entries }) => entries.length)).toEqual([2, 0]);
    expect(follower.store()).toMatchObject([{ type: "MsgAppResp", to: 2, index: 2 }]);
    expect(follower.store()).toMatchObject([{ type: "MsgAppResp", to: 2, index: 2 }]);
    expect(follower.unstable).toEqual([]);
  });

  it("attests all earlier writes with each later one, even one without entries", () => {
    const follower = new AsyncFollower();
    follower.append(1, 0, 0, 1, 1);
    // A later term only: no entries.
    follower.node.receive({ type: "MsgHeartbeat", from: 3, term: 2 });
    follower.collect();
    const [, second] = follower.work;
    expect(second).toMatchObject({
      entries: [],
      term: 2,
      responses: [{ type: "MsgStorageAppendResp", term: 2, index: 2, logTerm: 1 }],
    });
    follower.store();
    // The first answer is of term 1, and proves nothing in term 2.
    expect(follower.unstable).toEqual([1, 1]);
    follower.store();
    expect(follower.unstable).toEqual([]);
  });

  it("does not confuse an entry with the same one of before, while another is in its place on the way to disk", () => {
    const follower = new AsyncFollower();
    follower.append(1, 0, 0, 1);
    // Written third is the entry that was written first: term 1 again, by way of a leader that knows it.
    follower.append(2, 0, 0, 2);
    follower.append(3, 0, 0, 1);
    expect(follower.work.map(({ entries }) => entries.map(({ term }) => term))).toEqual([[1], [2], [1]]);
    follower.store();
    expect(follower.unstable).toEqual([1]);
    follower.store();
    // On disk is (2, 1). If the first answer had counted, the log would now read that.
    expect(follower.node.storage.term(1)).toBe(2);
    expect(follower.node.state.log.term(1)).toBe(1);
    expect(follower.unstable).toEqual([1]);
    follower.store();
    expect(follower.unstable).toEqual([]);
    expect(follower.node.storage.term(1)).toBe(1);
  });

  it("a leader's own entries count for the quorum when they are stored, and a quorum may do without", () => {
    const follower = new AsyncFollower();
    const { node } = follower;
    bringTo(node, "leader");
    follower.collect();
    expect(node.state.log.committed).toBe(0);
    for (const from of [2, 3]) node.receive({ type: "MsgAppResp", from, index: 1 });
    expect(node.state.log.committed).toBe(1);
    expect(node.storage.lastIndex()).toBe(0);
    // Committed, but not stored here: it must not be applied yet.
    expect(node.core.ready().committedEntries).toEqual([]);
  });
});
