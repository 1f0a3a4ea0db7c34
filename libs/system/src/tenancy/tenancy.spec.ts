import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { v1, v2 } from "@trellis/demo";
import { errorReason } from "@trellis/resource";

import { ensureDefaultTenancy, Namespace, Partition, TENANCY_STATUS_KEY, Tombstone } from "../index.ts";
import { type Cluster, startCluster, startLaggingCluster } from "../test-support/cluster.ts";
import { namespaceEmptier } from "./emptiers.ts";

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(async () => {
  await cluster.stop();
});

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "succeeded",
    (error: unknown) => errorReason(error),
  );

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const writeArtist = (name: string, partition: string, namespace: string) =>
  cluster.client.write(v2.Artist, { name, partition, namespace, data: { name } });

describe("the default tenancy", () => {
  it("is made by whoever comes first, once", async () => {
    const before = await cluster.client.read(Partition, { name: "default" });
    await Promise.all([ensureDefaultTenancy(cluster.system), ensureDefaultTenancy(cluster.system)]);
    expect(await cluster.client.read(Partition, { name: "default" })).toEqual(before);
    expect(await all(cluster.client.list(Namespace, { partition: "*" }))).toHaveLength(1);
  });

  it("keeps what an operator made of it when another server starts", async () => {
    await cluster.client.write(Partition, { name: "default", data: { description: "ours" } });
    await ensureDefaultTenancy(cluster.system);
    const { data } = await cluster.client.read(Partition, { name: "default" });
    expect(data.description).toBe("ours");
  });

  it("says of a deletion what was refused, and what to do instead", async () => {
    const refused = cluster.client.delete(Namespace, { name: "default" });
    await expect(refused).rejects.toThrow(
      /denied: delete tenancy\.v1\.Namespace default\/default: .*; delete the resources in it/,
    );
  });

  it("cannot be deleted, nor marked by a write", async () => {
    expect(await reasonOf(cluster.client.delete(Partition, { name: "default" }))).toBe("PERMISSION_DENIED");
    expect(await reasonOf(cluster.system.delete(Namespace, { name: "default" }))).toBe("PERMISSION_DENIED");
    const { metadata, data } = await cluster.client.read(Namespace, { name: "default" });
    const marked = cluster.client.write(Namespace, {
      name: "default",
      metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
      data,
    });
    expect(await reasonOf(marked)).not.toBe("succeeded");
    expect(await reasonOf(writeArtist("korn", "default", "default"))).toBe("succeeded");
  });
});

describe("a namespace", () => {
  it("is where resources can be once it was made, and not before", async () => {
    expect(await reasonOf(writeArtist("korn", "default", "blue"))).toBe("NAMESPACE_NOT_FOUND");
    expect(await reasonOf(cluster.client.read(v2.Artist, { name: "korn", namespace: "blue" }))).toBe(
      "NAMESPACE_NOT_FOUND",
    );
    await cluster.client.write(Namespace, { name: "blue" });
    expect(await reasonOf(writeArtist("korn", "default", "blue"))).toBe("succeeded");
  });

  it("needs its partition", async () => {
    expect(await reasonOf(cluster.client.write(Namespace, { name: "blue", partition: "nowhere" }))).toBe(
      "PARTITION_NOT_FOUND",
    );
  });

  it("takes nothing new while it is being deleted, is emptied, and goes", async () => {
    await cluster.client.write(Namespace, { name: "blue" });
    const { resource: korn } = await writeArtist("korn", "default", "blue");
    await cluster.client.write(v2.Album, {
      name: "issues",
      namespace: "blue",
      owner: korn.id,
      data: { title: "Issues" },
    });
    await cluster.client.delete(Namespace, { name: "blue" });
    expect(await reasonOf(writeArtist("tool", "default", "blue"))).toBe("TENANCY_MARKED_FOR_DELETION");
    cluster.startControllers();
    await cluster.settle();
    expect(await all(cluster.client.list(Namespace))).toHaveLength(1);
    expect(await all(cluster.client.list(v2.Artist, { partition: "*", namespace: "*" }))).toEqual([]);
    expect(await all(cluster.client.list(v2.Album, { partition: "*", namespace: "*" }))).toEqual([]);
    expect(await all(cluster.client.list(Tombstone, { partition: "*", namespace: "*" }))).toEqual([]);
  });

  it("says what it waits for", async () => {
    await cluster.client.write(Namespace, { name: "blue" });
    await cluster.client.write(v2.Artist, {
      name: "korn",
      namespace: "blue",
      metadata: { finalizers: "f" },
      data: { name: "Korn" },
    });
    await cluster.client.delete(Namespace, { name: "blue" });
    cluster.startControllers();
    for (let second = 0; second < 3; second++) await cluster.clock.advance(1_000);
    const { status } = await cluster.client.read(Namespace, { name: "blue" });
    expect(status[TENANCY_STATUS_KEY]?.conditions[0]).toMatchObject({
      type: "Emptied",
      message: "waits for 1 of demo.v2.Artist",
    });
    const { id, version, metadata, data } = await cluster.client.read(v2.Artist, {
      name: "korn",
      namespace: "blue",
    });
    const { finalizers: _, ...rest } = metadata;
    await cluster.client.write(v2.Artist, {
      name: "korn",
      namespace: "blue",
      uid: id.uid,
      version,
      metadata: rest,
      data,
    });
    await cluster.settle();
    expect(await reasonOf(cluster.client.read(Namespace, { name: "blue" }))).toBe("RESOURCE_NOT_FOUND");
  });

  it("waits for the tombstones in it, too", async () => {
    await cluster.client.write(Namespace, { name: "blue" });
    await writeArtist("korn", "default", "blue");
    await cluster.client.delete(Namespace, { name: "blue" });
    // Without the reaper, the tombstone stays.
    cluster.startControllers({ controllers: [namespaceEmptier] });
    for (let second = 0; second < 5; second++) await cluster.clock.advance(1_000);
    const { status } = await cluster.client.read(Namespace, { name: "blue" });
    expect(status[TENANCY_STATUS_KEY]?.conditions[0]?.message).toBe("waits for 1 of internal.v1.Tombstone");
  });

  it("fails what is only judged while it is being deleted", async () => {
    await cluster.client.write(Namespace, { name: "blue" });
    await cluster.client.delete(Namespace, { name: "blue" });
    const { group, groupVersion, kind, schema } = v2.Artist;
    const id = { type: { group, groupVersion, kind }, name: "korn", tenancy: { namespace: "blue" } };
    const data = anyPack(schema, create(schema, { name: "Korn" }));
    const judged = cluster.client.resources.mutateAndValidate({ resource: { id, data } });
    expect(await reasonOf(judged)).toBe("TENANCY_MARKED_FOR_DELETION");
  });

  it("goes as well when it was made without data", async () => {
    const { group, groupVersion, kind } = Namespace;
    const id = { type: { group, groupVersion, kind }, name: "blue" };
    await cluster.client.resources.write({ resource: { id } });
    await writeArtist("korn", "default", "blue");
    cluster.startControllers();
    await cluster.client.delete(Namespace, { name: "blue" });
    await cluster.settle();
    expect(await reasonOf(cluster.client.read(Namespace, { name: "blue" }))).toBe("RESOURCE_NOT_FOUND");
  });

  it.each([
    ["with its version", true],
    ["blindly", false],
  ])(
    "that is being deleted is let go by the system alone, however a writer asks (%s)",
    async (_, versioned) => {
      await cluster.client.write(Namespace, { name: "blue" });
      await writeArtist("korn", "default", "blue");
      await cluster.client.delete(Namespace, { name: "blue" });
      const { metadata, version } = await cluster.client.read(Namespace, { name: "blue" });
      const released = cluster.client.write(Namespace, {
        name: "blue",
        metadata: { ...metadata, finalizers: "" },
        ...(versioned ? { version } : {}),
      });
      expect(await reasonOf(released)).toBe("PERMISSION_DENIED");
      expect(await reasonOf(cluster.client.read(v2.Artist, { name: "korn", namespace: "blue" }))).toBe(
        "succeeded",
      );
    },
  );

  it("that is being deleted still loses the finalizers of others", async () => {
    await cluster.client.write(Namespace, { name: "blue", metadata: { finalizers: "f" } });
    await cluster.client.delete(Namespace, { name: "blue" });
    const { metadata, version } = await cluster.client.read(Namespace, { name: "blue" });
    const rest = { ...metadata, finalizers: "trellis.dev/tenancy" };
    expect(await reasonOf(cluster.client.write(Namespace, { name: "blue", version, metadata: rest }))).toBe(
      "succeeded",
    );
  });

  it("keeps its finalizer, whatever a writer says", async () => {
    await cluster.client.write(Namespace, { name: "blue", metadata: { team: "a" } });
    const { metadata } = await cluster.client.read(Namespace, { name: "blue" });
    expect(metadata["finalizers"]).toBe("trellis.dev/tenancy");
    await cluster.client.write(Namespace, { name: "blue", metadata: { team: "b", finalizers: "" } });
    expect((await cluster.client.read(Namespace, { name: "blue" })).metadata["finalizers"]).toBe(
      "trellis.dev/tenancy",
    );
  });

  it("keeps its finalizer beside a writer's that are as many as may be, and goes all the same", async () => {
    const full = Object.fromEntries(Array.from({ length: 256 }, (_, index) => [`key-${index}`, ""]));
    const finalizers = "f".repeat(4 * 1024 - "finalizers".length);
    await cluster.client.write(Namespace, { name: "full", metadata: { ...full, finalizers } });
    const { metadata } = await cluster.client.read(Namespace, { name: "full" });
    expect(metadata["finalizers"]).toBe(`${finalizers} trellis.dev/tenancy`);
    cluster.startControllers();
    await cluster.client.delete(Namespace, { name: "full" });
    await cluster.settle();
    const { metadata: marked } = await cluster.client.read(Namespace, { name: "full" });
    expect(marked["finalizers"]).toBe(finalizers);
    await cluster.client.write(Namespace, { name: "full", metadata: { ...marked, finalizers: "" } });
    expect(await all(cluster.client.list(Namespace))).toHaveLength(1);
  });

  it("leaves nothing behind of creates that race with its removal", async () => {
    for (let round = 0; round < 10; round++) {
      const name = `ns-${round}`;
      await cluster.client.write(Namespace, { name });
      const runtime = cluster.startControllers();
      const writes = Array.from({ length: 20 }, (_, index) =>
        reasonOf(writeArtist(`artist-${index}`, "default", name)),
      );
      const removal = cluster.client.delete(Namespace, { name });
      await Promise.all([...writes, removal]);
      await cluster.settle();
      await runtime.stop();
      expect(await all(cluster.client.list(v2.Artist, { namespace: "*" }))).toEqual([]);
    }
    expect(await all(cluster.client.list(Namespace))).toHaveLength(1);
  });
});

describe("a partition", () => {
  it("that is being deleted is let go by the system alone", async () => {
    await cluster.client.write(Partition, { name: "billing" });
    await cluster.client.write(Namespace, { name: "blue", partition: "billing" });
    await cluster.client.delete(Partition, { name: "billing" });
    const { metadata, version } = await cluster.client.read(Partition, { name: "billing" });
    const rest = { ...metadata, finalizers: "" };
    const released = cluster.client.write(Partition, { name: "billing", version, metadata: rest });
    expect(await reasonOf(released)).toBe("PERMISSION_DENIED");
  });

  it("is emptied with its namespaces, and goes", async () => {
    await cluster.client.write(Partition, { name: "billing" });
    for (const name of ["default", "blue"]) {
      await cluster.client.write(Namespace, { name, partition: "billing" });
      await writeArtist("korn", "billing", name);
    }
    await cluster.client.write(v1.RecordLabel, {
      name: "label",
      partition: "billing",
      data: { name: "Label" },
    });
    await cluster.client.delete(Partition, { name: "billing" });
    expect(await reasonOf(cluster.client.write(Namespace, { name: "late", partition: "billing" }))).toBe(
      "TENANCY_MARKED_FOR_DELETION",
    );
    cluster.startControllers();
    await cluster.settle();
    expect((await all(cluster.client.list(Partition))).map(({ id }) => id.name)).toEqual(["default"]);
    expect(await all(cluster.client.list(Namespace, { partition: "*" }))).toHaveLength(1);
    expect(await all(cluster.client.list(v2.Artist, { partition: "*", namespace: "*" }))).toEqual([]);
    expect(await all(cluster.client.list(Tombstone, { partition: "*", namespace: "*" }))).toEqual([]);
  });
});

describe("a write on a replica that lags", () => {
  it.each([
    ["namespace", (client: Client) => client.delete(Namespace, { name: "blue", partition: "billing" })],
    ["partition", (client: Client) => client.delete(Partition, { name: "billing" })],
  ])("puts nothing into a %s that is being deleted", async (_, remove) => {
    const lagging = await startLaggingCluster();
    const { backend, client } = lagging;
    await client.write(Partition, { name: "billing" });
    await client.write(Namespace, { name: "blue", partition: "billing" });
    const { version } = backend.position();
    await remove(client);
    backend.lag = () => version;
    const tenancy = { partition: "billing", namespace: "blue" };
    const write = client.write(v2.Artist, { name: "korn", ...tenancy, data: { name: "Korn" } });
    expect(await reasonOf(write)).toBe("TENANCY_MARKED_FOR_DELETION");
    await lagging.stop();
  });
});
