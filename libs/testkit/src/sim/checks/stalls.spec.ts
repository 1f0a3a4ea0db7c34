import { describe, expect, it } from "@jest/globals";
import type { Entry, Message } from "@trellis/raft";

import { StallChecks } from "./stalls.ts";

const LEADER = 7;

function begin() {
  const violations: string[] = [];
  const checks = new StallChecks((violation) => violations.push(violation));
  const send = (type: Message["type"], term: number, nowMs: number, lastIndex?: number): void => {
    const entries = lastIndex === undefined ? [] : [{ index: lastIndex } as Entry];
    checks.sent(
      { type, from: LEADER, term, index: (lastIndex ?? 1) - 1, entries } as unknown as Message,
      nowMs,
    );
  };
  return { violations, checks, send };
}

describe("a leader whose event loop stood still", () => {
  it("is found when it goes on in its term", () => {
    const { violations, checks, send } = begin();
    checks.loopStalled(LEADER, 3);
    send("MsgHeartbeat", 3, 5_000);
    expect(violations).toEqual([expect.stringContaining("sends MsgHeartbeat as leader of term 3")]);
  });

  it("may follow, ask for votes, ask another to lead, and lead a later term", () => {
    const { violations, checks, send } = begin();
    checks.loopStalled(LEADER, 3);
    send("MsgAppResp", 3, 5_000);
    send("MsgPreVote", 4, 5_000);
    send("MsgTimeoutNow", 3, 5_000);
    send("MsgHeartbeat", 5, 6_000);
    expect(violations).toEqual([]);
  });
});

describe("a leader whose disk stands still", () => {
  const stall = { term: 3, lastIndex: 20, untilMs: 3_000 };

  it("is found when it leads on while an entry waits for longer than an election timeout", () => {
    const { violations, checks, send } = begin();
    checks.diskStalled(LEADER, stall);
    send("MsgApp", 3, 500, 21);
    send("MsgHeartbeat", 3, 1_400);
    expect(violations).toEqual([]);
    send("MsgHeartbeat", 3, 1_600);
    expect(violations).toEqual([expect.stringContaining("its disk has stood still for 1100 ms")]);
  });

  it("does not notice while it has nothing to write", () => {
    const { violations, checks, send } = begin();
    checks.diskStalled(LEADER, stall);
    send("MsgApp", 3, 500, 20);
    send("MsgHeartbeat", 3, 2_900);
    expect(violations).toEqual([]);
  });

  it("may confirm reads, whose context is no entry that is written", () => {
    const { violations, checks, send } = begin();
    checks.diskStalled(LEADER, stall);
    send("MsgReadIndexResp", 3, 500, 21);
    send("MsgHeartbeat", 3, 2_900);
    expect(violations).toEqual([]);
  });

  it("may send again what the disk was given before it stopped", () => {
    const { violations, checks, send } = begin();
    send("MsgApp", 3, 90, 21);
    checks.diskStalled(LEADER, stall);
    send("MsgApp", 3, 500, 21);
    send("MsgHeartbeat", 3, 2_900);
    expect(violations).toEqual([]);
  });

  it("may go on once the disk answers again", () => {
    const { violations, checks, send } = begin();
    checks.diskStalled(LEADER, stall);
    send("MsgApp", 3, 500, 21);
    checks.diskFreed(LEADER);
    send("MsgHeartbeat", 3, 2_900);
    expect(violations).toEqual([]);
  });
});
