import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "@trellis/testkit";
import type { NodeStatus } from "@trellis/raft-node";

import { JudgedLoad } from "./judged-load.ts";
import { busyLoop, heldDisk, type Stall, stoppedProcess } from "./stall.ts";
import { StorageCluster } from "./storage-cluster.ts";
import type { StorageNode } from "./storage-node.ts";

/** How long a stall lasts at least. */
const STALL_MS = 3_000;
/** For whatever has to happen, on a machine that does much else. */
const PATIENCE_MS = 60_000;
/** Commits before a stall, and that have to go on during and after one. */
const COMMITS = 20;
/** Experiments that are repeated because the machine itself had a node stand still. */
const ATTEMPTS = 5;

let cluster: StorageCluster;
let load: JudgedLoad;
let kinds = 0;

beforeAll(async () => {
  cluster = await StorageCluster.start({ nodes: 3 });
}, PATIENCE_MS);
afterEach(async () => await load.abandon());
afterAll(async () => await cluster.end());

/** The stalls; the first needs the directory of the cluster. */
const stalls: readonly (() => Stall)[] = [
  () => busyLoop(cluster.directory),
  () => stoppedProcess,
  () => heldDisk,
];
const NAMES = ["the event loop", "the process", "the disk"];

async function statusOf(node: StorageNode): Promise<NodeStatus> {
  return await node.call("status", undefined);
}

async function committed(load: JudgedLoad, more = COMMITS): Promise<void> {
  const target = load.commits + more;
  await eventually(() => expect(load.commits).toBeGreaterThanOrEqual(target), PATIENCE_MS);
}

/** All nodes have applied the same, and it is the same. */
async function expectEqualReplicas(): Promise<void> {
  await eventually(async () => {
    const [first, ...others] = await Promise.all(cluster.nodes.map((node) => node.call("hash", undefined)));
    for (const hash of others) expect(hash).toEqual(first);
  }, PATIENCE_MS);
}

/** Waits for the rest of a stall that began then. */
async function restOf(beganMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, beganMs + STALL_MS - performance.now()));
}

describe.each(NAMES.map((name, number) => [name, number] as const))(
  "%s stands still for three seconds",
  (_, number) => {
    it(
      "on the leader: another takes over, and it steps down before it answers",
      async () => {
        const stall = stalls[number]?.() as Stall;
        load = await JudgedLoad.start(cluster, `kind-${++kinds}`);
        await committed(load);
        const leader = await cluster.leader();
        const others = cluster.nodes.filter((node) => node !== leader);
        const known = leader.events.length;
        const hasSteppedDown = (): boolean =>
          leader.events.slice(known).some(({ kind }) => kind === "stepped-down");
        await stall.begin(leader);
        const beganMs = performance.now();
        // A stalled disk is noticed while it stalls; a loop that is asked while it stalls has to know before it answers.
        const answeredBefore: string[] = [];
        const note = (what: string) => (): void => {
          if (stall.reason === "loop-stalled" && !hasSteppedDown()) answeredBefore.push(what);
        };
        const key = load.key("a");
        const options = { consistency: "strong" } as const;
        const asked = [
          leader.call("read", { key, options }, note("a strong read")),
          leader.call("commit", [{ kind: "check", key, preconditions: [] }], note("a check")),
          leader.call("commit", load.unrecordedOutcome(load.put("b")), note("a commit")),
        ].map((call) => call.catch(() => undefined));
        await cluster.leader(others);
        await committed(load);
        await restOf(beganMs);
        expect(hasSteppedDown()).toBe(stall.reason === "disk-stalled");
        await stall.end(leader);
        await Promise.all(asked);
        expect(answeredBefore).toEqual([]);
        expect(leader.events.slice(known)).toContainEqual(
          expect.objectContaining({ kind: "stepped-down", reason: stall.reason }),
        );
        await committed(load);
        expect(await load.finish()).toEqual([]);
        await expectEqualReplicas();
      },
      3 * PATIENCE_MS,
    );

    it(
      "on a follower: the others go on, and it causes no election afterwards",
      async () => {
        const stall = stalls[number]?.() as Stall;
        load = await JudgedLoad.start(cluster, `kind-${++kinds}`);
        for (let attempt = 1; ; attempt++) {
          await committed(load);
          const verdict = await stallFollower(stall, load);
          if (verdict !== "disturbed") break;
          expect(attempt).toBeLessThan(ATTEMPTS);
        }
        expect(await load.finish()).toEqual([]);
        await expectEqualReplicas();
      },
      3 * PATIENCE_MS,
    );
  },
);

/** One experiment; disturbed when the machine had the leader stand still, or hand over, meanwhile. */
async function stallFollower(stall: Stall, load: JudgedLoad): Promise<"held" | "disturbed"> {
  const leader = await cluster.leader();
  const follower = cluster.nodes.find((node) => node !== leader) as StorageNode;
  const before = await statusOf(leader);
  const [known, leaderKnown] = [follower.events.length, leader.events.length];
  await stall.begin(follower);
  const beganMs = performance.now();
  await committed(load);
  await restOf(beganMs);
  await stall.end(follower);
  const { committed: target } = await statusOf(leader);
  await eventually(
    async () => expect((await statusOf(follower)).applied).toBeGreaterThanOrEqual(target),
    PATIENCE_MS,
  );
  await committed(load);
  const isDisturbed = leader.events.slice(leaderKnown).some(({ kind }) => kind === "stepped-down");
  if (isDisturbed) return "disturbed";
  expect(follower.events.slice(known).filter(({ kind }) => kind === "leader-changed")).toEqual([]);
  const after = await statusOf(leader);
  expect({ role: after.role, term: after.term }).toEqual({ role: "leader", term: before.term });
  return "held";
}
