import { describe, expect, it } from "@jest/globals";
import {
  keyString,
  type Operation,
  StandingCheck,
  toVersion,
  type Version,
  WILDCARD,
} from "@trellis/storage";
import { FieldScan } from "@trellis/resource/node";
import { commitIn } from "@trellis/storage/wire";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import type { Command } from "./command.ts";
import { decodeCommand, encodeCommand } from "./command-codec.ts";
import { encodeCommit } from "./encode-commit.ts";
import { MAX_KEPT_OPERATIONS, proposedCommit, takenCommit } from "./own-commit.ts";
import { emptyContent } from "./snapshot/first-content.ts";
import { StorageMachine } from "./storage-machine.ts";
import { command } from "./test-support/arbitraries.ts";
import { STORE_ID } from "./test-support/cluster.ts";
import { keyOf, put } from "./test-support/contents.ts";
import { nextTurn } from "./test-support/turns.ts";

type Commit = Extract<Command, { kind: "commit" }>;

const commits = command.filter((one): one is Commit => one.kind === "commit");
/** Texts of all lengths whose length takes another number of bytes, and those that are not read as they are given, or might not be. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "\0", "\u007f", "\u0080", "é", "a\ud800", "\udc00b", "\ufeffa", "😀"),
  fc.string({ minLength: 60, maxLength: 70 }),
  fc.string({ minLength: 126, maxLength: 130 }),
);
const key = fc.record({ group: text, kind: text, partition: text, namespace: text, name: text });
const version = fc.oneof(fc.nat(), fc.constantFrom(-0, 2 ** 53 - 1)).map((one) => one as Version);
/** Commits of which every part may be out of the ordinary. */
const odd: fc.Arbitrary<Commit> = fc
  .record({
    key,
    uid: text,
    generation: text,
    version,
    bytes: fc.uint8Array({ maxLength: 300 }),
    marked: fc.boolean(),
  })
  .map(({ key: of, uid, generation, version: number, bytes, marked }) => ({
    kind: "commit",
    request: { session: { id: uid, openedAt: number }, sequence: number, lowestUnanswered: 1 },
    operations: [
      {
        kind: "put",
        key: of,
        record: { uid, groupVersion: "v1", generation, owner: { key: of, uid }, marked, bytes },
        preconditions: [
          { kind: "version", version: number },
          { kind: "live", uid },
          { kind: "generation", generation },
        ],
      },
      { kind: "check", key: of, preconditions: [{ kind: "exists", uid: undefined }, { kind: "absent" }] },
      {
        kind: "put",
        key: keyOf("b"),
        record: { uid, groupVersion: "", generation: "", marked, bytes },
        preconditions: [],
      },
    ],
  }));

/** What a commit says, whoever keeps it. */
const saidOf = ({ request, operations }: Commit) => ({ kind: "commit", request, operations });

function standingWherePossible(operation: Operation): Operation {
  const { kind, key, preconditions } = operation;
  const isLegal =
    keyString(key).split("\0").length === 6 && ![key.partition, key.namespace].includes(WILDCARD);
  return kind === "check" && isLegal ? new StandingCheck(key, preconditions) : operation;
}

async function formed(): Promise<StorageMachine> {
  const machine = new StorageMachine({ clock: createVirtualClock(), nextTurn });
  (await machine.restore(emptyContent(STORE_ID), 1)).install();
  return machine;
}

describe("a commit that its proposer keeps", () => {
  it("is what is read from its entry, in every respect, or is not kept", () => {
    fc.assert(
      fc.property(fc.oneof(commits, odd), (commit) => {
        const { entry, own } = proposedCommit(commit);
        expect(entry).toEqual(encodeCommand(commit));
        const read = decodeCommand(entry.subarray(1)) as Commit;
        if (own === undefined) expect(JSON.stringify(saidOf(commit))).toMatch(/[^\0-\u007f]|\\u[89a-f]/);
        else {
          expect(saidOf(own)).toEqual(saidOf(read));
          expect(fieldsOf(own)).toBe(fieldsOf(read));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("has standing checks as it has others, the first time and from then on", () => {
    fc.assert(
      fc.property(fc.oneof(commits, odd), (commit) => {
        const standing = { ...commit, operations: commit.operations.map(standingWherePossible) };
        const expected = proposedCommit(commit);
        for (let time = 0; time < 3; time++) {
          const { entry, own } = proposedCommit(standing);
          expect(entry).toEqual(expected.entry);
          expect(own === undefined).toBe(expected.own === undefined);
          if (own !== undefined)
            expect(saidOf(own)).toEqual(saidOf(decodeCommand(entry.subarray(1)) as Commit));
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each(["é", "a\ud800", "x".repeat(16_384)])(
    "is not kept with %j in or behind a standing check",
    (odd) => {
      const of = (...operations: Operation[]) =>
        proposedCommit({ kind: "commit", request: undefined, operations: [put("b", "x"), ...operations] });
      const live = (name: string) => new StandingCheck({ ...keyOf("a"), name }, [{ kind: "live" }]);
      const check = live(odd);
      for (let time = 0; time < 3; time++) expect(of(check).own).toBeUndefined();
      const generation: Operation = {
        kind: "check",
        key: keyOf("a"),
        preconditions: [{ kind: "generation", generation: odd }],
      };
      expect(of(live("new"), generation).own).toBeUndefined();
      expect(of(live("new")).own).toBeDefined();
    },
  );

  it.each(["é", "a\ud800", "\ufeffa", "x".repeat(16_384), "é".repeat(63), "é".repeat(64)])(
    "is not kept with a text like %j in any place",
    (odd) => {
      const plain = {
        uid: "u",
        groupVersion: "v1",
        generation: "g",
        marked: false,
        bytes: new Uint8Array(3),
      };
      const owner = { key: keyOf("o"), uid: "o" };
      const operations: Operation[] = [
        ...(["group", "kind", "partition", "namespace", "name"] as const).flatMap((part): Operation[] => [
          { kind: "delete", key: { ...keyOf("a"), [part]: odd }, preconditions: [] },
          {
            kind: "put",
            key: keyOf("a"),
            preconditions: [],
            record: { ...plain, owner: { ...owner, key: { ...owner.key, [part]: odd } } },
          },
        ]),
        {
          kind: "put",
          key: keyOf("a"),
          preconditions: [],
          record: { ...plain, owner: { ...owner, uid: odd } },
        },
        ...(["uid", "groupVersion", "generation"] as const).map((part): Operation => ({
          kind: "put",
          key: keyOf("a"),
          preconditions: [],
          record: { ...plain, [part]: odd },
        })),
        { kind: "check", key: keyOf("a"), preconditions: [{ kind: "exists", uid: odd }] },
        { kind: "check", key: keyOf("a"), preconditions: [{ kind: "generation", generation: odd }] },
      ];
      for (const operation of operations) {
        expect(
          proposedCommit({ kind: "commit", request: undefined, operations: [put("b", "x"), operation] }).own,
        ).toBeUndefined();
      }
      const request = { session: { id: odd, openedAt: 2 }, sequence: 1, lowestUnanswered: 1 };
      expect(proposedCommit({ kind: "commit", request, operations: [] }).own).toBeUndefined();
    },
  );

  it("is not changed by what its caller does to the one that was given", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const record = {
      uid: "u",
      groupVersion: "v1",
      generation: "g",
      owner: { key: { ...keyOf("o") }, uid: "o" },
      marked: false,
      bytes,
    };
    const precondition = { kind: "version" as const, version: toVersion(3) };
    const preconditions = [precondition];
    const operation = { kind: "put" as const, key: { ...keyOf("a") }, record, preconditions };
    const request = { session: { id: "s", openedAt: 2 }, sequence: 3, lowestUnanswered: 1 };
    const operations: Operation[] = [operation];
    const { entry, own } = proposedCommit({ kind: "commit", request, operations });
    bytes.fill(9);
    Object.assign(operation.key, { name: "z" });
    Object.assign(record.owner.key, { name: "z" });
    Object.assign(record, { uid: "z", owner: undefined });
    Object.assign(precondition, { version: 9 });
    Object.assign(request.session, { id: "z" });
    Object.assign(request, { sequence: 9 });
    preconditions.push(precondition);
    operations.push(operation);
    expect(own && saidOf(own)).toStrictEqual(saidOf(decodeCommand(entry.subarray(1)) as Commit));
  });

  it("is read once of what changes while it is looked at", () => {
    let reads = 0;
    const operation = {
      kind: "check" as const,
      preconditions: [],
      get key() {
        return keyOf(`a${reads++}`);
      },
    };
    const { entry, own } = proposedCommit({ kind: "commit", request: undefined, operations: [operation] });
    expect(own && saidOf(own)).toStrictEqual(saidOf(decodeCommand(entry.subarray(1)) as Commit));
  });

  it("is what is read from its entry when it was taken over from the bytes that came, which are not kept", () => {
    fc.assert(
      fc.property(fc.oneof(commits, odd), (commit) => {
        const came = encodeCommit(commit).entry;
        const { encoded, read } = received(came);
        if (read === undefined) return;
        const { entry, own } = takenCommit(read, encoded);
        expect(entry).toEqual(came);
        came.fill(0xff);
        const again = decodeCommand(entry.subarray(1)) as Commit;
        expect(own && saidOf(own)).toEqual(saidOf(again));
        expect(own && fieldsOf(own)).toBe(fieldsOf(again));
        expect(own?.isOf(entry.subarray(1))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("is not kept when it has many operations", () => {
    const of = (count: number) => ({
      kind: "commit" as const,
      request: undefined,
      operations: Array.from({ length: count }, (_, at) => put(`a${at}`, "x")),
    });
    expect(proposedCommit(of(MAX_KEPT_OPERATIONS)).own).toBeDefined();
    expect(proposedCommit(of(MAX_KEPT_OPERATIONS + 1)).own).toBeUndefined();
    const { encoded, read } = received(encodeCommit(of(MAX_KEPT_OPERATIONS + 1)).entry);
    const taken = read && takenCommit(read, encoded);
    expect(taken?.own).toBeUndefined();
    expect(taken?.entry).toEqual(encodeCommit(of(MAX_KEPT_OPERATIONS + 1)).entry);
  });

  it("is applied with the entry that was made of it, and with no other", async () => {
    const [one, two] = [proposedCommit(commitOf("one")), proposedCommit(commitOf("two"))];
    const { entry, own } = one;
    const others = [entry.slice(1), entry.subarray(2), entry.subarray(1, -1), two.entry.subarray(1)];
    expect(others.map((other) => own?.isOf(other))).toEqual([false, false, false, false]);
    expect(own?.isOf(entry.subarray(1))).toBe(true);
    const machine = await formed();
    machine.apply(two.entry.subarray(1), 2, own);
    const { record } = await machine.served.read(keyOf("a"));
    expect(new TextDecoder().decode(record?.bytes)).toBe("two");
  });

  it("leads to the state and the answers that reading its entry leads to", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (steps) => {
        const [leader, follower] = [await formed(), await formed()];
        for (const [position, one] of steps.entries()) {
          const proposed =
            one.kind === "commit" ? proposedCommit(one) : { entry: encodeCommand(one), own: undefined };
          const bytes = proposed.entry.subarray(1);
          const answer = leader.apply(bytes, position + 2, proposed.own);
          expect(answer).toStrictEqual(follower.apply(bytes.slice(), position + 2));
        }
        leader.reached(steps.length + 1);
        follower.reached(steps.length + 1);
        expect(await leader.hashState()).toEqual(await follower.hashState());
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

/** A commit as a server reads it of a call, that has its bytes as they are in an entry. */
function received(entry: Uint8Array): { readonly encoded: Uint8Array; readonly read: Commit | undefined } {
  const scan = new FieldScan(entry, 1);
  const end = scan.enter(0x0a, entry.length) ?? entry.length;
  const encoded = entry.subarray(scan.at, end);
  const { request, operations } = commitIn(scan, end);
  return { encoded, read: scan.isAsExpected ? { kind: "commit", request, operations } : undefined };
}

function commitOf(value: string): Commit {
  return { kind: "commit", request: undefined, operations: [put("a", value)] };
}

/** The names of all fields of an operation, in their order, and of what its fields hold. */
function fieldsOf({ request, operations }: Commit): string {
  return JSON.stringify([request, operations], (_, value: unknown) =>
    value === undefined ? "undefined" : value,
  );
}
