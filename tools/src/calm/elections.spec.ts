import { describe, expect, it } from "@jest/globals";

import {
  crashesIn,
  describeStalls,
  electionsIn,
  leaderChangesIn,
  type Stall,
  stallsIn,
} from "./elections.ts";

const START_MS = Date.parse("2026-01-01T00:00:00Z");

function line(seconds: number, fields: object): string {
  const time = new Date(START_MS + seconds * 1_000).toISOString();
  return JSON.stringify({ level: "info", time, ...fields, msg: "storage" });
}

const log = [
  line(1, { kind: "leader-changed", leader: 7, term: 2 }),
  line(20, { kind: "leader-changed", term: 3 }),
  line(21, { kind: "leader-changed", leader: 8, term: 3 }),
  "a line of something else",
].join("\n");

function stall(seconds: number, lastedMs: number): Stall {
  return { who: "node-1", atMs: START_MS + seconds * 1_000, lastedMs, what: "its event loop" };
}

describe("the elections of a calm cluster", () => {
  const changes = leaderChangesIn("node-1", log);

  it("are told by the terms in which a node hears of a leader", () => {
    expect(changes.map(({ term }) => term)).toEqual([2, 3]);
    expect(electionsIn(changes, [], START_MS + 10_000)).toEqual([
      { term: 3, atMs: START_MS + 21_000, stalls: [] },
    ]);
  });

  it("are none when nobody hears of another term", () => {
    expect(electionsIn(changes, [], START_MS + 30_000)).toEqual([]);
  });

  it("are explained by the stall for which a leader gave up, as it says itself", () => {
    const gaveUp = line(20, { kind: "stepped-down", reason: "loop-stalled", ms: 610 });
    const other = line(20, { kind: "stepped-down", reason: "asked" });
    const stalls = stallsIn("node-1", `${other}\n${gaveUp}\n`);
    expect(stalls.map(({ who, lastedMs }) => [who, lastedMs])).toEqual([["node-1", 610]]);
    expect(electionsIn(changes, stalls, START_MS + 10_000)[0]?.stalls).toEqual(stalls);
  });

  it("are explained by a stall shortly before, and by no other", () => {
    const near = stall(19, 700);
    const stalls = [stall(10, 700), stall(19.5, 50), near, stall(40, 700)];
    expect(electionsIn(changes, stalls, START_MS + 10_000)[0]?.stalls).toEqual([near]);
    expect(describeStalls([near, stall(20, 900)])).toBe("node-1: its event loop (900 ms)");
  });
});

describe("a node that ends by itself", () => {
  it("is told, and not one that was told to end", () => {
    const text =
      "ended (exit code 0)\n  throw er;\nended (exit code 1); started again in 1 s\nended (SIGSEGV)\n";
    expect(crashesIn("node-1", text)).toEqual(["node-1 ended (exit code 1)", "node-1 ended (SIGSEGV)"]);
    expect(crashesIn("node-1", log)).toEqual([]);
  });
});
