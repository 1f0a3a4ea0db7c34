import { describe, expect, it } from "@jest/globals";
import { type StoredRecord, toVersion } from "@trellis/storage";

import type { Seen, Sight } from "./sight.ts";
import { eventsOf } from "./watch-events.ts";

function recordOf(length: number): StoredRecord {
  return {
    key: { group: "demo", kind: "Album", partition: "p", namespace: "n", name: "one" },
    uid: "u",
    groupVersion: "v2",
    generation: "g",
    owner: undefined,
    marked: false,
    bytes: new Uint8Array(length),
    version: toVersion(2),
  };
}

/** Sees what is large; of what is small it says what it is told to. */
function sightOf(other: Seen["kind"]): Sight {
  return {
    see: (record) =>
      record.bytes.length > 1_000
        ? { kind: "seen", shown: { resource: () => ({}) as never, stored: { record, version: "2" } } }
        : ({ kind: other } as Seen),
  };
}

describe("an event that is to be sent", () => {
  it.each(["notSelected", "otherVersion"] as const)(
    "counts what is sent of what leaves a watch: the state before (%s)",
    async (kind) => {
      const sight = sightOf(kind);
      const event = { kind: "put", record: recordOf(10), previous: recordOf(100_000) } as const;
      const [look] = await eventsOf(
        { inBinary: true, snapshot: sight, changes: sight, common: undefined },
        { kind: "commit", version: toVersion(2), events: [event] },
      );
      const found = typeof look === "function" ? await look() : look;
      expect(found?.size).toBeGreaterThan(100_000);
      expect(found?.make().version).toBe("2");
    },
  );
});
