/**
 * A client that only reads, in a process of its own: `node probe.ts ORIGIN`. Until its standard input ends it reads one resource every
 * 10 ms; then it prints its latencies as JSON.
 */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

const INTERVAL_MS = 10;

const [origin = ""] = process.argv.slice(2);
const client = createClient(ResourceService, createConnectTransport({ baseUrl: origin, httpVersion: "2" }));
const latenciesMs: number[] = [];
let failures = 0;
let ended = false;
process.stdin.on("end", () => (ended = true)).resume();
while (!ended) {
  const startedMs = performance.now();
  await client.list({ type: { group: "demo", groupVersion: "v2", kind: "Artist" }, tenancy: {} }).then(
    () => latenciesMs.push(performance.now() - startedMs),
    () => (failures += 1),
  );
  await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
}
latenciesMs.sort((a, b) => a - b);
const at = (share: number): number =>
  latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
console.log(JSON.stringify({ reads: latenciesMs.length, failures, p50Ms: at(0.5), p99Ms: at(0.99) }));
process.exit(0);
