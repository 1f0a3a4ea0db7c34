import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect, it } from "@jest/globals";

import { ALL, takeSnapshot } from "../conformance/fixtures.ts";
import type { Watch } from "../watch.ts";
import { openWire, put } from "./test-support/open-wire.ts";
import { turns } from "./test-support/test-wire.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Takes a batch, and keeps an eye on the bytes of its record. */
async function take(watch: Watch): Promise<WeakRef<Uint8Array>> {
  const batch = await watch.next();
  if (batch?.kind !== "commit") throw new Error(`expected a commit, found ${batch?.kind}`);
  return new WeakRef(batch.events[0]?.record.bytes ?? new Uint8Array());
}

it("a watch over the wire holds nothing of what its consumer has taken, but for the last message", async () => {
  const open = await openWire();
  const watch = open.link.watch(ALL);
  await takeSnapshot(watch);
  const taken: WeakRef<Uint8Array>[] = [];
  for (let index = 0; index < 20; index++) {
    await open.link.commit([put(`n${index}`)]);
    taken.push(await take(watch));
  }
  open.wire.forget();
  await turns(5);
  collectGarbage();
  expect(taken.slice(0, -2).filter((bytes) => bytes.deref() !== undefined)).toHaveLength(0);
  watch.close();
  await open.close();
});
