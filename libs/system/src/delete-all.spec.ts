import { describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { deleteAll } from "./delete-all.ts";
import { startCluster } from "./test-support/cluster.ts";

describe("many deletions in the process that serves them", () => {
  it("let everybody else have a turn of the event loop between any few of them", async () => {
    const cluster = await startCluster();
    const resources: Resource[] = [];
    for (let number = 0; number < 500; number++) {
      const { id } = (await cluster.client.write(v2.Artist, { name: `a-${number}`, data: { name: "A" } }))
        .resource;
      resources.push({ id, metadata: {} } as Resource);
    }
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await deleteAll(cluster.system, resources, new AbortController().signal);
    done = true;
    expect(turns).toBeGreaterThanOrEqual(500 / 25);
    await cluster.stop();
  });
});
