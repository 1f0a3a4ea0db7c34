import { describe, expect, it } from "@jest/globals";
import type { Backend } from "@trellis/storage";
import { conformanceCases, SMALL_HISTORY_COMMITS } from "@trellis/storage/conformance";
import { LocalLink, type StorageLink } from "@trellis/storage/wire";
import { createVirtualClock } from "@trellis/testing";

import { Cluster, type ClusterOptions } from "./test-support/cluster.ts";
import { linkTo, serveOnLoopback, statusOf } from "./test-support/loopback.ts";

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

function asBackend(link: StorageLink): Omit<Backend, "close"> {
  return {
    capabilities: link.capabilities,
    position: () => link.position(),
    read: (key, read) => link.read(key, read),
    list: (query, list) => link.list(query, list),
    commit: (operations, commit) => link.commit(operations, commit),
    watch: (query, watch) => link.watch(query, watch),
  };
}

/** The backend of a leader, by a link of its own process. */
async function openLinked(_: number, options: ClusterOptions): Promise<Backend> {
  const cluster = await Cluster.form({ ...options, clock });
  const status = {
    status: () => statusOf({ position: cluster.leading.backend.position() }),
    onChange: () => () => undefined,
  };
  const link = new LocalLink({ clock, endpoint: () => cluster.leading.backend, status });
  return {
    ...asBackend(link),
    readNow: (key, read) => link.readNow(key, read),
    async close() {
      await link.close();
      await cluster.stop();
    },
  };
}

/** The backend of a leader, behind the wire. */
async function openRemote(_: number, options: ClusterOptions): Promise<Backend> {
  const cluster = await Cluster.form({ ...options, clock });
  const server = await serveOnLoopback(() => cluster.leading.backend);
  const link = await linkTo(server.address);
  return {
    ...asBackend(link),
    async close() {
      await link.close();
      await server.stop();
      await cluster.stop();
    },
  };
}

describe.each([
  { name: "a leader alone", id: 1, options: {}, openOne: openReplica, watchesSleep: true },
  {
    name: "a follower that lags",
    id: 2,
    options: { replicas: 3, lagTurns: 7 },
    openOne: openReplica,
    watchesSleep: true,
  },
  { name: "a leader by a link of its process", id: 1, options: {}, openOne: openLinked },
  { name: "a leader behind the wire", id: 1, options: {}, openOne: openRemote, watchesAreBuffered: true },
])("$name keeps the storage contract", ({ id, options, openOne, watchesAreBuffered, watchesSleep }) => {
  const cases = conformanceCases({
    open: () => openOne(id, options),
    openSmall: () => openOne(id, { ...options, limits: SMALL }),
    elapse,
    watchesAreBuffered,
    watchesSleep,
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

  it("covers every case of watches that sleep, where they can", () => {
    const found = cases.filter(({ name }) => /^(sleeping|offering): /.test(name));
    expect(found).toHaveLength(watchesSleep === true ? 8 : 0);
  });
});
