import { describe, expect, it } from "@jest/globals";

import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_KEY } from "./heartbeat.ts";
import { Partition } from "./index.ts";
import { type Cluster, startCluster } from "./test-support/cluster.ts";

async function lastBeat({ client }: Cluster): Promise<bigint | undefined> {
  const { status } = await client.read(Partition, { name: "default" });
  return status[HEARTBEAT_KEY]?.updatedAt?.seconds;
}

describe("the heartbeat of the system's controllers", () => {
  it("is not there while none runs", async () => {
    const cluster = await startCluster();
    await cluster.clock.advance(HEARTBEAT_INTERVAL_MS);
    expect(await lastBeat(cluster)).toBeUndefined();
    await cluster.stop();
  });

  it("is heard once per interval, however many managers run", async () => {
    const cluster = await startCluster();
    for (let manager = 0; manager < 3; manager++) cluster.startControllers();
    await cluster.clock.advance(1_000);
    const { version } = cluster.backend.position();
    const first = await lastBeat(cluster);
    await cluster.clock.advance(5 * HEARTBEAT_INTERVAL_MS);
    const last = await lastBeat(cluster);
    expect(Number(last) - Number(first)).toBe((5 * HEARTBEAT_INTERVAL_MS) / 1_000);
    // Managers that beat at the same moment may each write once; they do not go on doing so.
    expect(cluster.backend.position().version - version).toBeLessThanOrEqual(5 * 3);
    await cluster.stop();
  });
});
