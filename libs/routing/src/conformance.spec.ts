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

async function open(isForwarded: boolean, historyCommits?: number): Promise<Backend> {
  const limits = historyCommits === undefined ? {} : { historyCommits };
  const cluster = await TestCluster.form({ clock, limits });
  const { openLink } = cluster.network;
  const deps = { openLink, clock, random: seededRandom(1) };
  const bounds = historyCommits === undefined ? {} : { watchCommits: historyCommits };
  const servers = cluster.addresses.toReversed();
  if (isForwarded) {
    const forwarder = createForwarder(deps, { name: "forwarder", servers, ...bounds });
    await clock.advance(0);
    cluster.network.serve(FORWARDER, forwarder);
  }
  const backend = createRoutedBackend(deps, { servers: isForwarded ? [FORWARDER] : servers, ...bounds });
  // The cases count the store's versions: the session, which takes one, is opened before they begin, and heard of.
  await backend.commit([{ kind: "delete", key: NOTHING, preconditions: [] }]);
  await clock.advance(2 * STATUS_EVERY_MS);
  return backend;
}

describe.each([
  { name: "to nodes", isForwarded: false },
  { name: "through a forwarder", isForwarded: true },
])("a routed backend $name keeps the storage contract", ({ isForwarded }) => {
  const cases = conformanceCases({
    open: () => open(isForwarded),
    openSmall: () => open(isForwarded, SMALL_HISTORY_COMMITS),
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
