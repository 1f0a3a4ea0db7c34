import { type Operation, type Precondition, toVersion, type Session } from "@trellis/storage";
import fc from "fast-check";

import type { Command } from "../command.ts";
import { keyOf, recordOf } from "./contents.ts";

const name = fc.constantFrom("a", "ab", "b", "c", "d");
const uid = fc.constantFrom("u1", "u2", "");

const precondition: fc.Arbitrary<Precondition> = fc.oneof(
  fc.constant<Precondition>({ kind: "absent" }),
  fc.constantFrom<Precondition>({ kind: "exists" }, { kind: "live" }),
  fc.record({ kind: fc.constantFrom("exists", "live"), uid }) as fc.Arbitrary<Precondition>,
  fc.nat(60).map((version): Precondition => ({ kind: "version", version: toVersion(version) })),
  fc.constantFrom("g1", "g2").map((generation): Precondition => ({ kind: "generation", generation })),
);

const record = fc
  .record({
    uid,
    groupVersion: fc.constantFrom("v1", "v2"),
    generation: fc.constantFrom("g1", "g2"),
    owner: fc.option(fc.record({ key: name.map(keyOf), uid }), { nil: undefined }),
    marked: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 40 }),
  })
  .map((init) => recordOf("", init));

/** An operation on one of a few keys. */
export const operation: fc.Arbitrary<Operation> = fc
  .record({
    kind: fc.constantFrom("put", "put", "delete", "check"),
    key: name.map(keyOf),
    record,
    // Often none, so that something happens.
    preconditions: fc.oneof(fc.constant<Precondition[]>([]), fc.array(precondition, { maxLength: 2 })),
  })
  .map(({ kind, key, record: init, preconditions }): Operation => {
    if (kind === "put") return { kind, key, record: init, preconditions };
    return { kind: kind as "delete" | "check", key, preconditions };
  });

// Openings are drawn for the first ten entries: so sessions of them are often met, and often not.
const session: fc.Arbitrary<Session> = fc.record({
  id: fc.constantFrom("s", "t"),
  openedAt: fc.integer({ min: 2, max: 6 }),
});

const request = fc
  .record({ session, lowestUnanswered: fc.integer({ min: 1, max: 4 }), ahead: fc.nat(5) })
  .map(({ ahead, ...rest }) => ({ ...rest, sequence: rest.lowestUnanswered + ahead }));

/** A command, as a log may have it. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      request: fc.option(request, { nil: undefined }),
      operations: fc.array(operation, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("open-session" as const), id: session.map(({ id }) => id) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("keep-alive" as const), session }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("close-sessions" as const),
      sessions: fc.array(
        fc.record({ id: session.map(({ id }) => id), lastUsed: fc.integer({ min: 1, max: 30 }) }),
        {
          maxLength: 2,
        },
      ),
    }),
  },
);
