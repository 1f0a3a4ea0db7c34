import { setTimeout } from "node:timers/promises";

import { StorageCluster } from "../storage-cluster/storage-cluster.ts";
import type { StorageNode } from "../storage-cluster/storage-node.ts";
import { type CommitFigures, runCommits, timer } from "./commit-load.ts";
import { putResource } from "./resources.ts";

/** Resources of one commit while the store is filled, and such commits under way. */
const FILL_OPERATIONS = 500;
const FILL_OUTSTANDING = 4;
/** Commits under way while a snapshot is made. */
const LOAD_OUTSTANDING = 8;
const BASE_SECONDS = 5;
/** For a snapshot to be made, or to be installed. */
const LONG_MS = 10 * 60_000;
/** After so long without work the memory of a process is what it keeps. */
const SETTLE_MS = 2_000;

/** How to measure. */
export interface LargeStoreOptions {
  readonly resources: number;
  readonly directory: string;
  /** Told what is being measured. */
  readonly tell: (what: string) => void;
}

/** What a large store costs, in milliseconds and bytes. */
export interface LargeStore {
  readonly resources: number;
  readonly fillMs: number;
  /** Of the process that was filled, of each resource: what it has more than an empty one. */
  readonly filledBytesPerResource: number;
  /** The same of a process that has only loaded it. */
  readonly loadedBytesPerResource: number;
  readonly snapshotMs: number;
  readonly snapshotBytes: number;
  /** The longest that the event loop was kept, under the same load without a snapshot, and while one is made. */
  readonly delayWithoutMs: number;
  readonly delayDuringMs: number;
  readonly commitsWithout: Pace;
  readonly commitsDuring: Pace;
  /** From the start of the process until it has answered a strong read. */
  readonly restartMs: number;
  /** From the news of a learner without anything until it has the store. */
  readonly installMs: number;
  readonly senderDelayMs: number;
  readonly receiverDelayMs: number;
}

/** How commits went. */
export interface Pace {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Fills a store of one node, has it make a snapshot under load, starts it again, and has a newcomer take it. */
export async function measureLargeStore(options: LargeStoreOptions): Promise<LargeStore> {
  const { resources, tell } = options;
  const cluster = await StorageCluster.start({ nodes: 1, directory: `${options.directory}/large` });
  try {
    const leader = await cluster.leader();
    const empty = await residentBytes(leader);
    tell(`writes ${resources} resources`);
    const fillMs = await timed(() => fill(leader, resources));
    const filled = await residentBytes(leader);
    tell("makes a snapshot under load");
    const snapshot = await snapshotUnderLoad(leader, resources);
    tell("starts again");
    await leader.kill();
    let again = leader;
    const restartMs = await timed(async () => {
      again = await cluster.restart(leader);
      await strongRead(again);
    });
    const loaded = await residentBytes(again);
    tell("sends its snapshot to a newcomer");
    const install = await installOnNewcomer(cluster, again, resources);
    return {
      resources,
      fillMs,
      filledBytesPerResource: (filled - empty) / resources,
      loadedBytesPerResource: (loaded - empty) / resources,
      ...snapshot,
      restartMs,
      ...install,
    };
  } finally {
    await cluster.end();
  }
}

async function fill(leader: StorageNode, resources: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: FILL_OUTSTANDING }, async () => {
      while (next < resources) {
        const from = next;
        next = Math.min(resources, next + FILL_OPERATIONS);
        const operations = Array.from({ length: next - from }, (_, at) => putResource(from + at, 0));
        await leader.call("commit", operations);
      }
    }),
  );
}

async function snapshotUnderLoad(leader: StorageNode, resources: number) {
  const load = { nodes: [leader], leader, outstanding: LOAD_OUTSTANDING, resources };
  // One that is being made would be measured, too.
  await leader.call("takeSnapshot", undefined);
  await runCommits({ ...load, isOver: timer(1) });
  await leader.call("takeLoopDelay", undefined);
  const without = await runCommits({ ...load, isOver: timer(BASE_SECONDS) });
  const delayWithoutMs = await leader.call("takeLoopDelay", undefined);
  let isOver = false;
  const running = runCommits({ ...load, isOver: () => isOver });
  const snapshotMs = await timed(() => leader.call("takeSnapshot", undefined));
  isOver = true;
  const during = await running;
  const delayDuringMs = await leader.call("takeLoopDelay", undefined);
  const written = leader.events.findLast(({ kind }) => kind === "snapshot-written");
  return {
    snapshotMs,
    snapshotBytes: written?.kind === "snapshot-written" ? written.bytes : 0,
    delayWithoutMs,
    delayDuringMs,
    commitsWithout: paceOf(without),
    commitsDuring: paceOf(during),
  };
}

async function installOnNewcomer(cluster: StorageCluster, leader: StorageNode, resources: number) {
  await leader.call("takeLoopDelay", undefined);
  const newcomer = await cluster.startNewcomer("newcomer");
  const isInstalled = (): boolean => newcomer.events.some(({ kind }) => kind === "snapshot-installed");
  await newcomer.call("takeLoopDelay", undefined);
  const installMs = await timed(async () => {
    await cluster.addLearner(newcomer);
    await newcomer.until("the snapshot is installed", isInstalled, LONG_MS);
  });
  const receiverDelayMs = await newcomer.call("takeLoopDelay", undefined);
  const { resources: found } = await newcomer.call("figures", undefined);
  if (found !== resources) throw new Error(`the newcomer has ${found} resources, expected ${resources}`);
  const senderDelayMs = await leader.call("takeLoopDelay", undefined);
  return { installMs, senderDelayMs, receiverDelayMs };
}

async function strongRead(node: StorageNode): Promise<void> {
  const { key } = putResource(0, 0);
  for (;;) {
    try {
      const { record } = await node.call("read", { key, options: { consistency: "strong" } });
      if (record === undefined) throw new Error("the node has lost what it had");
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "unavailable") throw error;
    }
  }
}

async function residentBytes(node: StorageNode): Promise<number> {
  await setTimeout(SETTLE_MS);
  return (await node.call("figures", undefined)).residentBytes;
}

function paceOf({ commits, elapsedMs, p99Ms, maxMs }: CommitFigures): Pace {
  return { perSecond: (commits / elapsedMs) * 1_000, p99Ms, maxMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
