import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { RaftError } from "../errors.ts";
import type { NodeId } from "../numbers.ts";
import type { ConfState } from "../snapshot.ts";
import { bytes } from "../test-support/test-node.ts";
import { toConfState } from "../tracker/configuration.ts";
import { describeConfiguration } from "../tracker/configuration.ts";
import { ProgressTracker } from "../tracker/progress-tracker.ts";
import { changeMembers, changeSimply, enterJoint, leaveJoint, type ChangedMembers } from "./changer.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { confChange, confChangeV1, type ConfChangeStep, type ConfChangeType } from "./conf-change.ts";
import { confStatesEqual } from "./conf-states-equal.ts";
import { decodeConfChange, encodeConfChange } from "./encoding.ts";
import { describeSteps, parseSteps } from "./notation.ts";
import { restoreMembers } from "./restore.ts";

const types: ConfChangeType[] = ["add-node", "add-learner", "remove-node", "update-node"];
const step: fc.Arbitrary<ConfChangeStep> = fc.record({
  type: fc.constantFrom(...types),
  nodeId: fc.integer({ min: 1, max: 7 }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 8 });

function emptyTracker(): ProgressTracker {
  return new ProgressTracker({ maxMessages: 10, maxBytes: 0 });
}

function apply(tracker: ProgressTracker, change: () => ChangedMembers): void {
  const { configuration, progress } = change();
  tracker.switchTo(configuration, progress);
}

/** Voter 1, and these steps one by one; a step that is refused is left out. */
function setUp(changes: readonly ConfChangeStep[]): ProgressTracker {
  const tracker = emptyTracker();
  for (const change of [{ type: "add-node" as const, nodeId: 1 }, ...changes]) {
    try {
      apply(tracker, () => changeSimply({ tracker, lastIndex: 10 }, [change]));
    } catch (error) {
      if (!RaftError.is(error)) throw error;
    }
  }
  return tracker;
}

/** Configuration and learners' flags, as text to compare. */
function described(tracker: ProgressTracker): string {
  const members = [...tracker.progress].map(([id, { isLearner }]) => `${id}${isLearner ? " learns" : ""}`);
  return `${describeConfiguration(tracker.configuration)}: ${members.join(", ")}`;
}

describe("steps", () => {
  it("one by one lead to the same as through a joint configuration", () => {
    fc.assert(
      fc.property(steps, steps, fc.boolean(), (before, changes, autoLeave) => {
        const joint = setUp(before);
        const simple = setUp(before);
        try {
          apply(joint, () => enterJoint({ tracker: joint, lastIndex: 10 }, { autoLeave, steps: changes }));
        } catch (error) {
          // All voters would be gone: then one by one it fails too, at the latest with the last.
          expect(error).toMatchObject({ code: "invalid-conf-change", message: "removed all voters" });
          return;
        }
        expect(joint.configuration.autoLeave).toBe(autoLeave);
        apply(joint, () => leaveJoint({ tracker: joint, lastIndex: 10 }));
        // One by one, additions first: on the way there must always be a voter.
        const last = new Map<NodeId, ConfChangeStep>();
        for (const change of changes) {
          if (change.type !== "update-node") last.set(change.nodeId, change);
        }
        const ordered = [...last.values()].sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type));
        for (const change of ordered)
          apply(simple, () => changeSimply({ tracker: simple, lastIndex: 10 }, [change]));
        expect(described(joint)).toBe(described(simple));
      }),
      { numRuns: 1000 },
    );
  });

  it("in any order, joint or not, keep the invariants, and leave the base untouched", () => {
    const anyChange = fc.record({
      changes: fc.array(step, { maxLength: 4 }),
      transition: fc.constantFrom("auto" as const, "joint-implicit" as const, "joint-explicit" as const),
    });
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 20 }), (sequence) => {
        const tracker = setUp([]);
        for (const [at, { changes, transition }] of sequence.entries()) {
          const before = described(tracker);
          let changed: ChangedMembers | undefined;
          try {
            changed = changeMembers({ tracker, lastIndex: at }, confChange(changes, { transition }));
          } catch (error) {
            expect(error).toMatchObject({ code: "invalid-conf-change" });
          }
          expect(described(tracker)).toBe(before);
          if (changed === undefined) continue;
          checkConfiguration(changed.configuration, changed.progress);
          expect(changed.configuration.voters.incoming.size).toBeGreaterThan(0);
          tracker.switchTo(changed.configuration, changed.progress);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of one simple change leave every old majority a voter in common with every new one", () => {
    fc.assert(
      fc.property(steps, steps, (before, changes) => {
        const tracker = setUp(before);
        const old = new Set(tracker.configuration.voters.incoming);
        let changed: ChangedMembers;
        try {
          changed = changeSimply({ tracker, lastIndex: 10 }, changes);
        } catch {
          return;
        }
        const { incoming } = changed.configuration.voters;
        const shared = [...old].filter((id) => incoming.has(id)).length;
        const majority = (size: number): number => Math.floor(size / 2) + 1;
        const union = old.size + incoming.size - shared;
        expect(majority(old.size) + majority(incoming.size)).toBeGreaterThan(union);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a recorded configuration", () => {
  /** Any that can be: learners apart from voters, learners to come among the outgoing voters only. */
  const confState: fc.Arbitrary<ConfState> = fc
    .tuple(
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7]),
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7]),
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7]),
      fc.boolean(),
    )
    .map(([voters, votersOutgoing, learners, learnersNext, autoLeave]) => ({
      voters,
      votersOutgoing,
      learners: learners.filter((id) => !voters.includes(id) && !votersOutgoing.includes(id)),
      learnersNext: learnersNext.filter((id) => votersOutgoing.includes(id) && !voters.includes(id)),
      autoLeave: autoLeave && votersOutgoing.length > 0,
    }));

  it("comes back as it was", () => {
    fc.assert(
      fc.property(confState, (state) => {
        const { configuration, progress } = restoreMembers({ tracker: emptyTracker(), lastIndex: 5 }, state);
        checkConfiguration(configuration, progress);
        expect(confStatesEqual(toConfState(configuration), state)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("is what the steps that lead to it give", () => {
    fc.assert(
      fc.property(confState, (state) => {
        const tracker = emptyTracker();
        const base = { tracker, lastIndex: 5 };
        const all = (type: ConfChangeType, ids: readonly NodeId[]): ConfChangeStep[] =>
          ids.map((nodeId) => ({ type, nodeId }));
        const incoming = [
          ...all("add-node", state.voters),
          ...all("add-learner", state.learners),
          ...all("add-learner", state.learnersNext),
        ];
        if (state.votersOutgoing.length === 0) {
          for (const change of incoming) apply(tracker, () => changeSimply(base, [change]));
        } else {
          for (const change of all("add-node", state.votersOutgoing))
            apply(tracker, () => changeSimply(base, [change]));
          const changes = [...all("remove-node", state.votersOutgoing), ...incoming];
          apply(tracker, () => enterJoint(base, { autoLeave: state.autoLeave, steps: changes }));
        }
        const restored = emptyTracker();
        apply(restored, () => restoreMembers({ tracker: restored, lastIndex: 5 }, state));
        expect(described(restored)).toBe(described(tracker));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { voters: [1], learners: [1] },
    { voters: [1], learnersNext: [2] },
    { voters: [1], votersOutgoing: [1], learnersNext: [1] },
    { voters: [1], autoLeave: true },
  ])("that contradicts itself is refused: %p", (wrong) => {
    const state = {
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
      ...wrong,
    };
    const restore = () => restoreMembers({ tracker: emptyTracker(), lastIndex: 5 }, state);
    expect(restore).toThrow(expect.objectContaining({ code: "invalid-conf-change" }));
  });
});

describe("the encoding", () => {
  it("gives back what was encoded", () => {
    const context = fc.uint8Array({ maxLength: 5 });
    const id = fc.maxSafeNat();
    const anyChange = fc.oneof(
      fc
        .tuple(fc.constantFrom(...types), id, id, context)
        .map(([type, nodeId, own, of]) => confChangeV1(type, nodeId, { id: own, context: of })),
      fc
        .tuple(
          fc.array(fc.record({ type: fc.constantFrom(...types), nodeId: id })),
          fc.constantFrom("auto" as const, "joint-implicit" as const, "joint-explicit" as const),
          context,
        )
        .map(([changes, transition, of]) => confChange(changes, { transition, context: of })),
    );
    fc.assert(
      fc.property(anyChange, (change) => {
        expect(decodeConfChange(encodeConfChange(change))).toEqual(change);
      }),
    );
  });

  it("stays as it is: entries live longer than programs", () => {
    const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
    const v2 = confChange(parseSteps("v1 l300 r3 u4"), { transition: "joint-explicit", context: bytes("c") });
    expect(hex(encodeConfChange(v2).data)).toBe(
      "0802" + "120408001001" + "1205080310ac02" + "120408011003" + "120408021004" + "1a0163",
    );
    expect(hex(encodeConfChange(confChangeV1("remove-node", 2, { id: 5 })).data)).toBe("080510011802");
    expect(decodeConfChange({ type: "EntryConfChangeV2", data: new Uint8Array(0) })).toEqual(confChange([]));
    expect(decodeConfChange({ type: "EntryNormal", data: bytes("anything") })).toBeUndefined();
  });

  it("refuses bytes that are none, with one error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.boolean(), (data, isV1) => {
        try {
          decodeConfChange({ type: isV1 ? "EntryConfChange" : "EntryConfChangeV2", data });
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid-conf-change" });
        }
      }),
    );
  });
});

describe("the notation", () => {
  it("reads what it writes", () => {
    fc.assert(
      fc.property(fc.array(step), (changes) => {
        expect(parseSteps(describeSteps(changes))).toEqual(changes);
      }),
    );
    expect(() => parseSteps("v1 x2")).toThrow(/found "x2"/);
  });
});
