import { describe, expect, it } from "@jest/globals";
import type { Backend } from "@trellis/storage";
import { conformanceCases, SMALL_HISTORY_COMMITS } from "@trellis/storage/conformance";
import { STATUS_EVERY_MS } from "@trellis/storage/wire";
import { createVirtualClock, seededRandom } from "@trellis/testing";

import { createForwarder } from "./forwarder.ts";
import { createRoutedBackend } from "./routed-backend.ts";
import { TestCluster } from "./test-support/test-cluster.ts";

const clock = createVirtualClock();
const elapse = (milliseconds: number) => clock.advance(milliseconds);
const NOTHING = { group: "none", kind: "none", partition: "", namespace: "", name: "none" };
const FORWARDER = "forwarder:7520";

type Way = "nodes" | "forwarder" | "own follower";

async function open(way: Way, historyCommits?: number): Promise<Backend> {
  const limits = historyCommits === undefined ? {} : { historyCommits };
  const cluster = await TestCluster.form({ clock, limits });
  const own = cluster.node(2).address;
  const { network } = cluster;
  const openLink = way === "own follower" ? network.linksWithin(own) : network.openLink;
  const deps = { openLink, clock, random: seededRandom(1) };
  const bounds = historyCommits === undefined ? {} : { watchCommits: historyCommits };
  const servers = cluster.addresses.toReversed();
  if (way === "forwarder") {
    const forwarder = createForwarder(deps, { name: "forwarder", servers, ...bounds });
    await clock.advance(0);
    network.serve(FORWARDER, forwarder);
  }
  const entries = { nodes: servers, forwarder: [FORWARDER], "own follower": [own] };
  const backend = createRoutedBackend(deps, { servers: entries[way], ...bounds });
  // The cases count the store's versions: the session, which takes one, is opened before they begin, and heard of.
  await backend.commit([{ kind: "delete", key: NOTHING, preconditions: [] }]);
  await clock.advance(2 * STATUS_EVERY_MS);
  // Of a store elsewhere nothing is read at once.
  if (way !== "own follower") Object.defineProperty(backend, "readNow", { value: undefined });
  return backend;
}

describe.each([
  { name: "to nodes", way: "nodes" },
  { name: "through a forwarder", way: "forwarder" },
  { name: "with a follower in its process", way: "own follower" },
] as const)("a routed backend $name keeps the storage contract", ({ way }) => {
  const isOwn = way === "own follower";
  const cases = conformanceCases({
    open: () => open(way),
    openSmall: () => open(way, SMALL_HISTORY_COMMITS),
    elapse,
    // The history of a store in the process is read when its turn comes.
    watchesAreBuffered: isOwn,
    watchesSleep: true,
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

  it("covers every case of watches that sleep", () => {
    expect(cases.filter(({ name }) => /^(sleeping|offering): /.test(name))).toHaveLength(8);
  });
});
