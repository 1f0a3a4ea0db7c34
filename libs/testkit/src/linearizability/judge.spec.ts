import { describe, expect, it } from "@jest/globals";
import {
  type CommitResult,
  type Key,
  type Operation,
  type Precondition,
  type StoredRecord,
  toVersion,
  WILDCARD,
} from "@trellis/storage";

import { createHistory, type History } from "../history/history.ts";
import { judgeLinearizability } from "./judge.ts";

const START = { storeId: "s", version: toVersion(1) };
const ALL = { group: "g", kind: "k", partition: WILDCARD, namespace: WILDCARD };

function keyOf(name: string): Key {
  return { group: "g", kind: "k", partition: "p", namespace: "n", name };
}

/** A content of that name; every name is written once. */
function record(name: string, content: string, version: number): StoredRecord {
  const bytes = new TextEncoder().encode(content);
  return {
    key: keyOf(name),
    version: toVersion(version),
    uid: `uid of ${name}`,
    groupVersion: "v1",
    generation: content,
    marked: false,
    bytes,
  };
}

function put(name: string, content: string, ...preconditions: Precondition[]): Operation {
  const { key, version: _, ...init } = record(name, content, 0);
  return { kind: "put", key, record: init, preconditions };
}

/** Writes histories down, with moments chosen by hand. */
class Story {
  readonly history: History = createHistory(START);

  commit(
    [startedAt, endedAt]: readonly [number, number?],
    operations: readonly Operation[],
    outcome: CommitResult | "outcome-unknown" | "unavailable",
  ): this {
    this.history.recorded.push({
      kind: "commit",
      client: "c",
      startedAt,
      ...(endedAt !== undefined && { endedAt }),
      operations,
      evaluateOnly: false,
      ...(typeof outcome === "string" ? { failure: outcome } : { result: outcome }),
    });
    return this;
  }

  read([startedAt, endedAt]: readonly [number, number], name: string, seen: StoredRecord | undefined): this {
    this.history.recorded.push({
      kind: "read",
      client: "c",
      startedAt,
      endedAt,
      key: keyOf(name),
      options: { consistency: "strong" },
      result: { record: seen, position: START },
    });
    return this;
  }

  list([startedAt, endedAt]: readonly [number, number], records: readonly StoredRecord[]): this {
    this.history.recorded.push({
      kind: "list",
      client: "c",
      startedAt,
      endedAt,
      query: ALL,
      options: { consistency: "strong" },
      result: { records, more: false, position: START },
    });
    return this;
  }

  get findings(): readonly string[] {
    return judgeLinearizability(this.history).findings;
  }
}

function applied(version: number): CommitResult {
  return { outcome: "applied", version: toVersion(version) };
}

function refused(precondition: Precondition, current: StoredRecord | undefined): CommitResult {
  return { outcome: "refused", operationIndex: 0, precondition, current, version: toVersion(9) };
}

const absent: Precondition = { kind: "absent" };

describe("the second judge", () => {
  it("finds an order for what happens at the same time", () => {
    const story = new Story()
      .commit([1, 4], [put("a", "one")], applied(2))
      .commit([2, 5], [put("a", "two")], applied(3))
      .read([3, 6], "a", record("a", "one", 2))
      .read([7, 8], "a", record("a", "one", 2));
    expect(story.findings).toEqual([]);
  });

  it("does not ask versions what came first", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one")], applied(7))
      .commit([3, 4], [put("a", "two")], applied(5))
      .read([5, 6], "a", record("a", "two", 5));
    expect(story.findings).toEqual([]);
  });

  it("finds a read of what was overwritten before it began", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one")], applied(2))
      .commit([3, 4], [put("a", "two")], applied(3))
      .read([5, 6], "a", record("a", "one", 2));
    expect(story.findings).toEqual([expect.stringContaining("stuck at a read of a")]);
  });

  it("finds an acknowledged write that is gone", () => {
    const story = new Story().commit([1, 2], [put("a", "one")], applied(2)).read([3, 4], "a", undefined);
    expect(story.findings).toHaveLength(1);
  });

  it("finds a read of what nobody wrote", () => {
    expect(new Story().read([1, 2], "a", record("a", "ghost", 2)).findings).toHaveLength(1);
  });

  it("lets a write of unknown outcome happen late, or never", () => {
    const late = new Story()
      .commit([1], [put("a", "one")], "outcome-unknown")
      .read([2, 3], "a", undefined)
      .read([4, 5], "a", record("a", "one", 2));
    expect(late.findings).toEqual([]);
    const never = new Story()
      .commit([1], [put("a", "one")], "outcome-unknown")
      .read([2, 3], "a", undefined)
      .read([4, 5], "a", undefined);
    expect(never.findings).toEqual([]);
  });

  it("finds a write that was taken back after it was seen", () => {
    const story = new Story()
      .commit([1], [put("a", "one")], "outcome-unknown")
      .read([2, 3], "a", record("a", "one", 2))
      .read([4, 5], "a", undefined);
    expect(story.findings).toHaveLength(1);
  });

  it("finds a write that was applied twice", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one")], applied(2))
      .commit([3, 4], [put("a", "two")], applied(3))
      .read([5, 6], "a", record("a", "two", 3))
      .read([7, 8], "a", record("a", "one", 4));
    expect(story.findings).toHaveLength(1);
  });

  it("finds a write that was refused as not applied and shows", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one")], "unavailable")
      .read([3, 4], "a", record("a", "one", 2));
    expect(story.findings).toHaveLength(1);
  });

  it("finds two that both won a race for one key", () => {
    const story = new Story()
      .commit([1, 4], [put("a", "one", absent)], applied(2))
      .commit([2, 3], [put("a", "two", absent)], applied(3));
    expect(story.findings).toHaveLength(1);
  });

  it("finds two that both replaced the same content", () => {
    const seen: Precondition = { kind: "version", version: toVersion(2) };
    const story = new Story()
      .commit([1, 2], [put("a", "one", absent)], applied(2))
      .commit([3, 6], [put("a", "two", seen)], applied(3))
      .commit([4, 5], [put("a", "three", seen)], applied(4));
    expect(story.findings).toHaveLength(1);
  });

  it("finds a refusal for what was not there", () => {
    const story = new Story().commit([1, 2], [put("a", "one", absent)], refused(absent, undefined));
    expect(story.findings).toHaveLength(1);
  });

  it("finds a refusal that carries what is old", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one")], applied(2))
      .commit([3, 4], [put("a", "two")], applied(3))
      .commit([5, 6], [put("a", "three", absent)], refused(absent, record("a", "one", 2)));
    expect(story.findings).toHaveLength(1);
  });

  it("finds a list without what was written before it began", () => {
    const story = new Story()
      .commit([1, 2], [put("a", "one"), put("b", "one of b")], applied(2))
      .list([3, 4], [record("a", "one", 2)]);
    expect(story.findings).toEqual([expect.stringContaining("stuck at a list with b")]);
  });

  it("finds one version with two contents", () => {
    const story = new Story()
      .commit([1, 4], [put("a", "one")], applied(2))
      .commit([2, 3], [put("a", "two")], applied(2));
    expect(story.findings).toContain("version 2 of a was seen with two contents");
  });

  it("decides what has many writes of unknown outcome", () => {
    const story = new Story();
    for (let at = 0; at < 40; at++) story.commit([2 * at + 1], [put("a", `write ${at}`)], "outcome-unknown");
    for (let at = 0; at < 40; at++)
      story.read([100 + 2 * at, 101 + 2 * at], "a", record("a", `write ${at}`, 2 + at));
    expect(judgeLinearizability(story.history)).toEqual({ findings: [], undecided: 0 });
  });

  it("decides against what has many writes of unknown outcome", () => {
    const story = new Story();
    for (let at = 0; at < 40; at++) story.commit([2 * at + 1], [put("a", `write ${at}`)], "outcome-unknown");
    story.read([100, 101], "a", record("a", "write 3", 2));
    story.read([102, 103], "a", record("a", "write 4", 3));
    story.read([104, 105], "a", record("a", "write 3", 2));
    expect(story.findings).toHaveLength(1);
  });
});
