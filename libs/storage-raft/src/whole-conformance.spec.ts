import { describe, expect, it } from "@jest/globals";
import type { Backend } from "@trellis/storage";
import { conformanceCases, SMALL_HISTORY_COMMITS } from "@trellis/storage/conformance";
import type { StoreLimits } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";

import { WholeCluster } from "./test-support/whole-cluster.ts";

const clock = createVirtualClock();
/** A case that does not go on fails before jest gives it up, and says how its cluster stands: nothing here waits for real time but the disk. */
const STUCK_MS = 20_000;
/** As many that the watches of a case are far ahead of what a follower shows. */
const LAG_TURNS = 25;

let opened: WholeCluster | undefined;

/** Does as a case does, unless that is stuck. */
async function unlessStuck(run: () => Promise<void>): Promise<void> {
  opened = undefined;
  let timer: NodeJS.Timeout | undefined;
  const isStuck = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`stuck for ${STUCK_MS} ms: ${opened?.describe() ?? "no cluster"}`)),
      STUCK_MS,
    );
  });
  await Promise.race([run(), isStuck]).finally(() => clearTimeout(timer));
}

/** A member of three whole replicas; writes go to whoever leads. */
async function openMember(
  place: "leader" | "follower",
  options: { limits?: Partial<StoreLimits>; hasLargeEntries?: boolean },
): Promise<Backend> {
  const cluster = await WholeCluster.form({ clock, lagTurns: LAG_TURNS, ...options });
  opened = cluster;
  const { backend } = place === "leader" ? await cluster.leader() : cluster.lagging;
  let isClosed = false;
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, how) => backend.read(key, how),
    list: (query, how) => backend.list(query, how),
    commit: async (operations, how) =>
      await (isClosed ? backend : (await cluster.leader()).backend).commit(operations, how),
    watch: (query, how) => backend.watch(query, how),
    async close() {
      isClosed = true;
      await cluster.stop();
    },
  };
}

describe.each(["leader", "follower"] as const)("a %s with a real log, disk and peers", (place) => {
  let hasLargeEntries = false;
  const cases = conformanceCases({
    open: () => openMember(place, { hasLargeEntries }),
    openSmall: () => openMember(place, { limits: { historyCommits: SMALL_HISTORY_COMMITS } }),
    elapse: (milliseconds) => clock.advance(milliseconds),
    watchesSleep: true,
  });

  it.each(cases.map(({ name, run }) => ({ name, run })))("$name", async ({ name, run }) => {
    hasLargeEntries = name.includes("4 MiB");
    await unlessStuck(run);
  });

  it("covers every case of watches that sleep", () => {
    expect(cases.filter(({ name }) => /^(sleeping|offering): /.test(name))).toHaveLength(8);
  });
});
