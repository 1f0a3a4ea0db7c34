import { describe, expect, it } from "@jest/globals";
import type { ReadResult } from "@trellis/storage";
import { toVersion } from "@trellis/storage";
import { createVirtualClock } from "@trellis/testing";

import { createStoredTenancy } from "./stored-tenancy.ts";

const units = { partition: "p", namespace: "n" };

/** A store that is elsewhere, with the units that it has and how often it was asked. */
function elsewhere() {
  const clock = createVirtualClock();
  const stored = new Map<string, "live" | "marked">();
  let reads = 0;
  const backend = {
    async read({ name, ...key }: { readonly name: string }): Promise<ReadResult> {
      reads += 1;
      const state = stored.get(name);
      const record = {
        key: { group: "", kind: "", partition: "", namespace: "", ...key, name },
        uid: "u",
        groupVersion: "v1",
        generation: "g",
        owner: undefined,
        marked: state === "marked",
        bytes: new Uint8Array(),
        version: toVersion(1),
      };
      const position = { storeId: "s", version: toVersion(1) };
      return { record: state === undefined ? undefined : record, position };
    },
  };
  return { clock, stored, tenancy: createStoredTenancy(backend, clock), reads: () => reads };
}

describe("the tenancies of a store that is elsewhere", () => {
  it("are read once a second while they are live", async () => {
    const { clock, stored, tenancy, reads } = elsewhere();
    stored.set("p", "live").set("n", "live");
    for (let again = 0; again < 10; again++)
      expect(await tenancy.state(units)).toEqual({ partition: "live", namespace: "live" });
    expect(reads()).toBe(2);
    stored.set("n", "marked");
    await clock.advance(1_000);
    expect(await tenancy.state(units)).toEqual({ partition: "live", namespace: "marked" });
    expect(reads()).toBe(4);
  });

  it("are read each time while they are not: one that was just made is there", async () => {
    const { stored, tenancy } = elsewhere();
    stored.set("p", "live");
    expect(await tenancy.state(units)).toEqual({ partition: "live", namespace: "absent" });
    stored.set("n", "live");
    expect(await tenancy.state(units)).toEqual({ partition: "live", namespace: "live" });
  });

  it("have guards of their own units, of which a blank one has none", () => {
    const { tenancy } = elsewhere();
    const namesOf = (partition: string, namespace: string): readonly (readonly string[])[] =>
      tenancy
        .guards({ partition, namespace })
        .map(({ unit, key }) => [unit, key.kind, key.partition, key.namespace, key.name]);
    for (const _ of ["first", "again"]) {
      expect(namesOf("p", "n")).toEqual([
        ["partition", "Partition", "", "", "p"],
        ["namespace", "Namespace", "p", "", "n"],
      ]);
      expect(namesOf("q", "n")[1]).toEqual(["namespace", "Namespace", "q", "", "n"]);
      expect(namesOf("p", "")).toEqual([["partition", "Partition", "", "", "p"]]);
      expect(namesOf("", "")).toEqual([]);
    }
  });

  it("are kept for a bounded number, and are right beyond it", () => {
    const { tenancy } = elsewhere();
    for (let at = 0; at < 3_000; at++) {
      const [, namespace] = tenancy.guards({ partition: "p", namespace: `n${at}` });
      expect(namespace?.key.name).toBe(`n${at}`);
    }
  });
});
