import { describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { deleteAll } from "./delete-all.ts";
import { startCluster } from "./test-support/cluster.ts";

describe("the deletion of many resources", () => {
  it("asks only for what is not being deleted yet", async () => {
    const cluster = await startCluster();
    for (const name of ["living", "marked"])
      await cluster.client.write(v2.Artist, { name, metadata: { finalizers: "f" }, data: { name } });
    await cluster.client.delete(v2.Artist, { name: "marked" });
    const { resources } = cluster.system;
    const asked: (string | undefined)[] = [];
    const counting: Client = {
      ...cluster.system,
      resources: {
        ...resources,
        batchWrite: async (request, options) => {
          for (const { operation } of request.operations ?? [])
            if (operation?.case === "delete") asked.push(operation.value.id?.name);
          return await resources.batchWrite(request, options);
        },
      },
    };
    const { group, groupVersion, kind } = v2.Artist;
    const { resources: all } = await resources.list({ type: { group, groupVersion, kind }, tenancy: {} });
    expect(all).toHaveLength(2);
    await deleteAll(counting, all, new AbortController().signal);
    expect(asked).toEqual(["living"]);
    await cluster.stop();
  });
});

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
