/**
 * A client that only reads, in a process of its own: `node probe.ts ORIGIN`. It writes one resource, reads it until it is warm, says `ready`, and
 * then reads it every 10 ms until its standard input ends; then it prints its latencies as JSON.
 */
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

const INTERVAL_MS = 10;
/** Reads before the first that counts: this process's code is compiled while they run. */
const WARM_UP_READS = 200;
const READ_TIMEOUT_MS = 5_000;

const [origin = ""] = process.argv.slice(2);
const transport = createConnectTransport({
  baseUrl: origin,
  httpVersion: "2",
  defaultTimeoutMs: READ_TIMEOUT_MS,
});
const client = createClient(ResourceService, transport);
const id = { type: { group: "demo", groupVersion: "v2", kind: "Album" }, name: "probe" };
await client.write({ resource: { id, data: anyPack(AlbumSchema, create(AlbumSchema, { title: "Probe" })) } });
for (let reads = 0; reads < WARM_UP_READS; reads++) await client.read({ id });

const latenciesMs: number[] = [];
let failures = 0;
let ended = false;
process.stdin.on("end", () => (ended = true)).resume();
console.log("ready");
while (!ended) {
  const startedMs = performance.now();
  await client.read({ id }).then(
    () => latenciesMs.push(performance.now() - startedMs),
    () => (failures += 1),
  );
  await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
}
latenciesMs.sort((a, b) => a - b);
const at = (share: number): number =>
  latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
console.log(
  JSON.stringify({ reads: latenciesMs.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }),
);
process.exit(0);
