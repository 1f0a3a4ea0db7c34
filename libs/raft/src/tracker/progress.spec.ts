import { describe, expect, it } from "@jest/globals";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

function progressAt(match: number, next: number): Progress {
  return new Progress({ match, next, inflights: new Inflights(3, 0) });
}

describe("a refusal", () => {
  it.each([
    // The follower's log ends before what it has acknowledged: it lost that, or the refusal was delayed.
    { match: 4, next: 6, rejected: 5, hint: 2, after: 5 },
    { match: 4, next: 6, rejected: 5, hint: 4, after: 5 },
    { match: 0, next: 6, rejected: 5, hint: 2, after: 3 },
    { match: 0, next: 6, rejected: 5, hint: 9, after: 5 },
    { match: 0, next: 1, rejected: 0, hint: 0, after: 1 },
  ])("never moves next to or below match: $match, $next, refused $rejected", (row) => {
    const progress = progressAt(row.match, row.next);
    expect(progress.maybeDecreaseTo(row.rejected, row.hint)).toBe(true);
    expect(progress.next).toBe(row.after);
  });

  it("makes a commit index that was sent along be told again", () => {
    const progress = progressAt(2, 6);
    progress.noteSentCommit(5);
    expect(progress.canBumpCommit(9)).toBe(false);
    progress.maybeDecreaseTo(5, 2);
    expect(progress.sentCommit).toBe(2);
  });
});

describe("what is known of a member", () => {
  it("is looked for from the snapshot's end, or from match where that is later", () => {
    const progress = progressAt(3, 4);
    progress.becomeSnapshot(10);
    expect(progress).toMatchObject({ next: 11, pendingSnapshot: 10, isPaused: true });
    progress.becomeProbe();
    expect(progress).toMatchObject({ next: 11, pendingSnapshot: 0, isPaused: false });
    progress.becomeSnapshot(10);
    progress.maybeUpdate(12);
    progress.becomeProbe();
    expect(progress.next).toBe(13);
  });

  it("forgets what is in flight with each change of state", () => {
    const progress = progressAt(3, 4);
    progress.becomeReplicate();
    for (let at = 0; at < 3; at++) progress.sentEntries(1, 10);
    expect(progress).toMatchObject({ next: 7, isPaused: true });
    progress.becomeProbe();
    expect(progress).toMatchObject({ next: 4, isPaused: false });
    expect(progress.inflights.count).toBe(0);
  });

  it("takes no appends while a snapshot is under way", () => {
    const progress = progressAt(3, 4);
    progress.becomeSnapshot(10);
    expect(() => progress.sentEntries(1, 10)).toThrow(/snapshot is under way/);
  });
});
