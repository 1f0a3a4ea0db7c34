import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { shardOf } from "./shard-of.ts";

const request = (name: string, namespace = "default", partition = "default") => ({
  partition,
  namespace,
  name,
});

describe("the shard of a name", () => {
  // Another value here would be two processes at work on one name while an upgrade lasts: these never change.
  it.each([
    ["a", "default", "default", [0, 1, 14, 814]],
    ["web-1", "default", "default", [0, 0, 2, 546]],
    ["web-2", "default", "default", [0, 0, 8, 584]],
    ["node-17", "blue", "acme", [0, 1, 14, 542]],
    ["健康", "default", "default", [1, 0, 3, 451]],
  ])("is for ever that of %s in %s of %s", (name, namespace, partition, expected) => {
    const shards = [2, 3, 16, 1_024].map((of) => shardOf(request(name, namespace, partition), of));
    expect(shards).toEqual(expected);
  });

  it("counts all of the name, its namespace and its partition", () => {
    const shards = [
      request("a"),
      request("b"),
      request("a", "blue"),
      request("a", "default", "blue"),
      request("blue", "a"),
    ].map((one) => shardOf(one, 1_000_000));
    expect(new Set(shards).size).toBe(shards.length);
  });

  it("is one of those that there are", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1_024 }), (name, of) => {
        const shard = shardOf(request(name), of);
        expect(Number.isInteger(shard) && shard >= 0 && shard < of).toBe(true);
      }),
    );
  });

  it.each([2, 3, 8, 16])("spreads names that are alike evenly over %i", (of) => {
    const count = 4_000;
    const sizes = Array.from({ length: of }, () => 0);
    for (let at = 0; at < count; at++) {
      const shard = shardOf(request(`workload-${at}`), of);
      sizes[shard] = (sizes[shard] ?? 0) + 1;
    }
    for (const size of sizes) expect(Math.abs(size - count / of)).toBeLessThan((count / of) * 0.2);
  });
});
