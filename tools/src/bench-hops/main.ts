/**
 * `npm run bench:hops`: what one client alone waits for a commit of 600 bytes, at the leader itself, through a routed backend, and through a forwarder besides; and what one hop takes,
 * which is what a read at a server takes. Three nodes and a forwarder as processes, all ways by turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "@trellis/resource";
import { createRoutedBackend } from "@trellis/routing";
import type { Backend, Key, Operation } from "@trellis/storage";
import { storageLinks } from "@trellis/storage/wire";

import { operatorOf } from "../cluster/operator.ts";
import { RunningCluster } from "../cluster/running-cluster.ts";

const ROUNDS = 7;
const CALLS = 200;
const HEALTHY_MS = 30_000;
const RECORD_BYTES = 600;

const clock = systemClock;
const nextTurn = (callback: () => void): void => void setImmediate(callback);
const openLink = storageLinks({ clock, nextTurn }, { client: "the bench of hops" });
const directory = mkdtempSync(join(tmpdir(), "trellis-bench-hops-"));
let written = 0;

/** One way to the leader, and how long each call took on it. */
interface Way {
  readonly name: string;
  readonly call: () => Promise<unknown>;
  readonly tookMs: number[];
}

const cluster = await RunningCluster.start({ directory, without: "manager" });
const operator = operatorOf(cluster);
try {
  await operator.healthy(3, HEALTHY_MS);
  const { address } = await operator.leader();
  const nodes = cluster.processes.filter(({ kind }) => kind === "node").map(addressOf);
  const forwarders = cluster.processes.filter(({ kind }) => kind === "forwarder").map(addressOf);
  const atLeader = await openLink(address);
  const routed = createRoutedBackend({ openLink, clock, random: Math.random }, { servers: nodes });
  const forwarded = createRoutedBackend({ openLink, clock, random: Math.random }, { servers: forwarders });
  const way = (name: string, call: () => Promise<unknown>): Way => ({ name, call, tookMs: [] });
  const ways = [
    way("a read at the leader: one hop", () => atLeader.read(keyOf(0))),
    way("a commit at the leader", () => commitTo(atLeader)),
    way("a commit through a routed backend", () => commitTo(routed)),
    way("a commit through a forwarder", () => commitTo(forwarded)),
  ];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { call, tookMs } of ways) {
      for (let count = 0; count < CALLS; count++) {
        const startedAt = performance.now();
        await call();
        // The first round is for warming up.
        if (round > 0) tookMs.push(performance.now() - startedAt);
      }
    }
  }
  process.stdout.write(`${"".padEnd(36)}   p50 ms   p99 ms\n`);
  for (const { name, tookMs } of ways)
    process.stdout.write(`${name.padEnd(36)} ${at(tookMs, 0.5)} ${at(tookMs, 0.99)}\n`);
  for (const backend of [routed, forwarded, atLeader]) await backend.close();
} finally {
  operator.close();
  await cluster.stop();
  rmSync(directory, { recursive: true });
}

async function commitTo(backend: Pick<Backend, "commit">): Promise<unknown> {
  written++;
  const bytes = new Uint8Array(RECORD_BYTES).fill(written % 256);
  const record = { uid: "uid", groupVersion: "v1", generation: String(written), marked: false, bytes };
  const operations: readonly Operation[] = [
    { kind: "put", key: keyOf(written % 1_000), record, preconditions: [] },
  ];
  return await backend.commit(operations);
}

function keyOf(item: number): Key {
  return { group: "bench", kind: "Thing", partition: "default", namespace: "default", name: `thing-${item}` };
}

function addressOf({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`;
}

/** The value below which so great a part of all is. */
function at(values: readonly number[], part: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(3).padStart(8);
}
