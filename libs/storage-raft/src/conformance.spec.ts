import { describe, expect, it } from "@jest/globals";
import type { Backend } from "@trellis/storage";
import { conformanceCases, SMALL_HISTORY_COMMITS } from "@trellis/storage/conformance";
import { createVirtualClock } from "@trellis/testing";

import { Cluster, type ClusterOptions } from "./test-support/cluster.ts";

const clock = createVirtualClock();
const elapse = (milliseconds: number) => clock.advance(milliseconds);
const SMALL = { historyCommits: SMALL_HISTORY_COMMITS };

/** The backend of a replica; writes go to the leader. */
async function openReplica(id: number, options: ClusterOptions): Promise<Backend> {
  const cluster = await Cluster.form({ ...options, clock });
  const { backend } = cluster.replica(id);
  if (cluster.leader === id) return backend;
  const leader = cluster.leading.backend;
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, read) => backend.read(key, read),
    list: (query, list) => backend.list(query, list),
    commit: (operations, commit) => leader.commit(operations, commit),
    watch: (query, watch) => backend.watch(query, watch),
    close: () => cluster.stop(),
  };
}

describe.each([
  { name: "a leader alone", id: 1, options: {} },
  { name: "a follower that lags", id: 2, options: { replicas: 3, lagTurns: 7 } },
])("$name keeps the storage contract", ({ id, options }) => {
  const cases = conformanceCases({
    open: () => openReplica(id, options),
    openSmall: () => openReplica(id, { ...options, limits: SMALL }),
    elapse,
  });

  it.each(cases.map(({ name, run }) => ({ name, run })))("$name", async ({ run }) => {
    await run();
  });

  it("covers every numbered case", () => {
    const numbered = cases
      .flatMap(({ name }) => /^storage ([\d, ]+):/.exec(name)?.[1]?.split(", ") ?? [])
      .map(Number);
    expect(numbered.sort((a, b) => a - b)).toEqual(Array.from({ length: 46 }, (_, index) => index + 1));
  });
});
