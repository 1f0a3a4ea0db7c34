/**
 * The process that is measured: `node --expose-gc manager-program.ts SERVER RESOURCES`. Runs one controller that does nothing over all albums of a server, and
 * sends its figures to the process that started it.
 */
import { connectClient } from "@trellis/client/node";
import { defineController } from "@trellis/controller";
import { createControllerRuntime } from "@trellis/controller/runtime";
import { v2 } from "@trellis/demo";
import { systemClock } from "@trellis/resource";

import type { RoundFigures } from "./figures.ts";

const [server = "", count = ""] = process.argv.slice(2);
const resources = Number(count);
const deps = { clock: systemClock, random: Math.random };
const silent = (): void => undefined;
const client = connectClient({ server, ...deps });
// The types and the connection are there before anything is measured.
for await (const _ of client.list(v2.Artist)) break;

let reconciles = 0;
let firstMs = 0;
const all = Promise.withResolvers<number>();
const noOp = defineController({
  name: "no-op",
  type: v2.Album,
  async reconcile() {
    if (reconciles === 0) firstMs = performance.now();
    reconciles += 1;
    if (reconciles === resources) all.resolve(performance.now());
  },
});
const runtime = createControllerRuntime({
  client,
  controllers: [noOp],
  log: { debug: silent, info: silent, warn: console.error, error: console.error },
  ...deps,
});

const bytesBefore = bytesInUse();
const startedMs = performance.now();
runtime.start();
const lastMs = await all.promise;
while (!runtime.status().idle) await new Promise((resolve) => setTimeout(resolve, 1));
const figures: RoundFigures = {
  cachedMs: firstMs - startedMs,
  startMs: lastMs - startedMs,
  reconcilesPerSecond: resources / ((lastMs - firstMs) / 1_000),
  bytesPerResource: (bytesInUse() - bytesBefore) / resources,
};
// Held until here, so that it was not collected.
if (reconciles !== resources) throw new Error(`expected ${resources} reconciles, found ${reconciles}`);
process.send?.(figures);
await runtime.stop();
client.close();
process.disconnect?.();

/** Bytes on the heap and outside of it, garbage left out. */
function bytesInUse(): number {
  const collect = (globalThis as { readonly gc?: () => void }).gc;
  if (collect === undefined) throw new Error("expected to be started with --expose-gc");
  // The second collection frees what finalizers of the first let go.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
