import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "@jest/globals";

import { KINDS } from "../cluster/cluster-shape.ts";
import { startInOrder } from "./start-in-order.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "trellis-any-order-"));
});
afterEach(() => rm(directory, { recursive: true }));

it("a cluster whose last part is started first comes to health by itself, and says meanwhile what it waits for", async () => {
  const { waits } = await startInOrder(KINDS.toReversed(), directory);
  const said = (name: string): string => (waits.get(name) ?? []).join("\n");
  expect(said("manager-1")).toMatch(/wait/);
  for (const gateway of ["gateway-1", "gateway-2"])
    expect(said(gateway)).toContain("the storage waits for a storage server to answer");
  expect(said("forwarder")).toContain("it waits for a storage server to answer");
}, 120_000);
