import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { LogIndex, NodeId } from "../numbers.ts";
import { jointCommittedIndex, jointVoteResult, votersOf } from "./joint.ts";
import { majorityCommittedIndex, majorityVoteResult, type Majority } from "./majority.ts";

const majority: fc.Arbitrary<Majority> = fc
  .uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 })
  .map((ids) => new Set(ids));
const indexes: fc.Arbitrary<Map<NodeId, LogIndex>> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 20 })))
  .map((pairs) => new Map(pairs));
const votes: fc.Arbitrary<Map<NodeId, boolean>> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()))
  .map((pairs) => new Map(pairs));

/** All subsets of the voters that are a majority. */
function majoritiesOf(voters: Majority): NodeId[][] {
  const ids = [...voters];
  const subsets = Array.from({ length: 2 ** ids.length }, (_, mask) =>
    ids.filter((_id, at) => mask & (1 << at)),
  );
  return subsets.filter((subset) => subset.length * 2 > ids.length);
}

/** The definition: the largest index for which some majority has acknowledged that much. */
function committedByDefinition(voters: Majority, known: ReadonlyMap<NodeId, LogIndex>): LogIndex {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  return Math.max(
    ...majoritiesOf(voters).map((subset) => Math.min(...subset.map((id) => known.get(id) ?? 0))),
  );
}

describe("a majority", () => {
  it("commits what its definition says", () => {
    fc.assert(
      fc.property(majority, indexes, (voters, known) => {
        expect(majorityCommittedIndex(voters, (id) => known.get(id))).toBe(
          committedByDefinition(voters, known),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("elects when a majority grants, and loses when none can any more", () => {
    fc.assert(
      fc.property(majority, votes, (voters, known) => {
        const some = (allowed: (vote: boolean | undefined) => boolean): boolean =>
          voters.size === 0 ||
          majoritiesOf(voters).some((subset) => subset.every((id) => allowed(known.get(id))));
        const result = majorityVoteResult(voters, known);
        expect(result === "won").toBe(some((vote) => vote === true));
        expect(result === "lost").toBe(!some((vote) => vote !== false));
      }),
      { numRuns: 2000 },
    );
  });

  it("commits no less when a voter acknowledges more", () => {
    fc.assert(
      fc.property(majority, indexes, fc.integer({ min: 1, max: 12 }), (voters, known, id) => {
        const more = new Map(known).set(id, (known.get(id) ?? 0) + 1);
        const before = majorityCommittedIndex(voters, (of) => known.get(of));
        expect(majorityCommittedIndex(voters, (of) => more.get(of))).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});

describe("two majorities", () => {
  it("commit what both have, in either order", () => {
    fc.assert(
      fc.property(majority, majority, indexes, (incoming, outgoing, known) => {
        const acknowledged = (id: NodeId): LogIndex | undefined => known.get(id);
        const expected = Math.min(
          committedByDefinition(incoming, known),
          committedByDefinition(outgoing, known),
        );
        expect(jointCommittedIndex({ incoming, outgoing }, acknowledged)).toBe(expected);
        expect(jointCommittedIndex({ incoming: outgoing, outgoing: incoming }, acknowledged)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("elect only who has both, and nobody whom one refuses", () => {
    fc.assert(
      fc.property(majority, majority, votes, (incoming, outgoing, known) => {
        const halves = [majorityVoteResult(incoming, known), majorityVoteResult(outgoing, known)];
        const result = jointVoteResult({ incoming, outgoing }, known);
        expect(result === "won").toBe(halves.every((half) => half === "won"));
        expect(result === "lost").toBe(halves.includes("lost"));
      }),
      { numRuns: 1000 },
    );
  });

  it("are one when the second is empty or the same", () => {
    fc.assert(
      fc.property(majority, votes, (incoming, known) => {
        const alone = majorityVoteResult(incoming, known);
        expect(jointVoteResult({ incoming, outgoing: new Set() }, known)).toBe(alone);
        expect(jointVoteResult({ incoming, outgoing: incoming }, known)).toBe(alone);
        expect(votersOf({ incoming, outgoing: incoming })).toEqual(new Set(incoming));
      }),
    );
  });

  it("never elect two candidates in one term", () => {
    fc.assert(
      fc.property(
        majority,
        majority,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (incoming, outgoing, ballot) => {
          fc.pre(incoming.size > 0);
          // Each voter has one vote: for the one or for the other.
          const one = new Map(ballot.map((vote, at) => [at + 1, vote]));
          const other = new Map(ballot.map((vote, at) => [at + 1, !vote]));
          const results = [one, other].map((all) => jointVoteResult({ incoming, outgoing }, all));
          expect(results.filter((result) => result === "won").length).toBeLessThan(2);
        },
      ),
    );
  });
});
