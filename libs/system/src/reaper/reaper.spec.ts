import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { v1, v2 } from "@trellis/demo";
import { BatchWriteResponseSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";

import { Tombstone } from "../index.ts";
import { type Cluster, startCluster, startLaggingCluster } from "../test-support/cluster.ts";
import { reaper } from "./reaper.ts";

type Resources = Client["resources"];
type BatchAnswer = ReturnType<Resources["batchWrite"]>;

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(async () => {
  await cluster.stop();
});

async function artist(name = "korn") {
  return (await cluster.client.write(v2.Artist, { name, data: { name } })).resource;
}

async function albums(
  owner: Awaited<ReturnType<typeof artist>>,
  count: number,
  metadata: Record<string, string> = {},
) {
  for (let number = 0; number < count; number++) {
    const name = `album-${String(number).padStart(5, "0")}`;
    await cluster.client.write(v2.Album, { name, owner: owner.id, metadata, data: { title: name } });
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const tombstones = () => all(cluster.client.list(Tombstone, { partition: "*", namespace: "*" }));
const listed = () => all(cluster.client.list(v2.Album));

describe("a deletion", () => {
  it("T280 leaves a tombstone in its own commit, in the deleted resource's tenancy, named by its uid", async () => {
    const { id } = await artist();
    const { version } = cluster.backend.position();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    expect(cluster.backend.position().version).toBe(version + 1);
    const [tombstone, ...others] = await tombstones();
    expect(others).toEqual([]);
    expect(tombstone?.id).toMatchObject({
      name: id.uid.toLowerCase(),
      tenancy: { partition: "default", namespace: "default" },
    });
    expect(tombstone?.data.owner).toEqual(id);
  });

  it("leaves one when a write takes the last finalizer of a marked resource", async () => {
    await cluster.client.write(v2.Artist, {
      name: "korn",
      metadata: { finalizers: "f" },
      data: { name: "Korn" },
    });
    await cluster.client.delete(v2.Artist, { name: "korn" });
    expect(await tombstones()).toEqual([]);
    const { id, metadata, version, data } = await cluster.client.read(v2.Artist, { name: "korn" });
    const { finalizers: _, ...rest } = metadata;
    await cluster.client.write(v2.Artist, { name: "korn", uid: id.uid, version, metadata: rest, data });
    expect((await tombstones()).map(({ data: { owner } }) => owner?.uid)).toEqual([id.uid]);
  });

  it("leaves none of a tombstone", async () => {
    await artist();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    const [tombstone] = await tombstones();
    await cluster.system.delete(Tombstone, {
      ...tombstone?.id,
      ...tombstone?.id.tenancy,
      name: tombstone?.id.name ?? "",
    });
    expect(await tombstones()).toEqual([]);
  });

  it("leaves one that only the system may write or delete", async () => {
    await artist();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    const [tombstone] = await tombstones();
    const forged = cluster.client.write(Tombstone, { name: "forged", ...tombstone?.id.tenancy, data: {} });
    await expect(forged.catch((error: unknown) => errorReason(error))).resolves.toBe("SYSTEM_TYPE");
    const removed = cluster.client.delete(Tombstone, {
      name: tombstone?.id.name ?? "",
      ...tombstone?.id.tenancy,
    });
    await expect(removed.catch((error: unknown) => errorReason(error))).resolves.toBe("SYSTEM_TYPE");
  });
});

describe("the reaper", () => {
  it("T496 T497 T498 C238 removes the tombstone of who owned nothing, in one pass", async () => {
    await artist();
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    await cluster.settle();
    expect(await tombstones()).toEqual([]);
  });

  it("T499 T500 T501 C239 deletes what the deleted owned, and what that owned, in one pass each", async () => {
    const owner = await artist();
    await albums(owner, 3);
    const [child] = await listed();
    await cluster.client.write(v1.Concept, {
      name: "grandchild",
      ...(child === undefined ? {} : { owner: child.id }),
      data: {},
    });
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    await cluster.settle();
    expect(await listed()).toEqual([]);
    expect(await all(cluster.client.list(v1.Concept))).toEqual([]);
    expect(await tombstones()).toEqual([]);
  });

  it("T502 leaves no child behind that was created while the owner died: the commit refuses it", async () => {
    const owner = await artist();
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    const late = cluster.client.write(v2.Album, { name: "late", owner: owner.id, data: { title: "Late" } });
    await expect(late.catch((error: unknown) => errorReason(error))).resolves.toBe("OWNER_NOT_FOUND");
    await cluster.settle();
    expect(await listed()).toEqual([]);
  });

  it("T503 marks a child with finalizers, which goes with the last of them", async () => {
    const owner = await artist();
    await albums(owner, 1, { finalizers: "label" });
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    await cluster.settle();
    const [album] = await listed();
    expect(album?.metadata["deletionTimestamp"]).toBeDefined();
    expect(await tombstones()).toEqual([]);
  });

  it("follows an owner whose name has 63 letters", async () => {
    const owner = await artist("a".repeat(63));
    await albums(owner, 2);
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: owner.id.name });
    await cluster.settle();
    expect(await listed()).toEqual([]);
  });

  it("leaves the children of a new incarnation of the name alone", async () => {
    const first = await artist();
    await albums(first, 1);
    await cluster.client.delete(v2.Artist, { name: "korn" });
    const second = await artist();
    await cluster.client.write(v2.Album, { name: "second", owner: second.id, data: { title: "Second" } });
    cluster.startControllers();
    await cluster.settle();
    expect((await listed()).map(({ id }) => id.name)).toEqual(["second"]);
  });

  it("deletes nothing for a tombstone of something that lives", async () => {
    const owner = await artist();
    await albums(owner, 2);
    await cluster.system.write(Tombstone, {
      name: "wrong",
      partition: "default",
      namespace: "default",
      data: { owner: owner.id },
    });
    cluster.startControllers();
    await cluster.settle();
    expect(await listed()).toHaveLength(2);
    expect(await tombstones()).toEqual([]);
  });

  it("deletes the tombstone that it followed, not another one of the name that nobody has followed yet", async () => {
    const owner = await artist();
    await albums(owner, 1);
    const { id: otherOwner } = await artist("tool");
    await cluster.client.write(v2.Album, {
      name: "undertow",
      owner: otherOwner,
      data: { title: "Undertow" },
    });
    for (const name of ["tool", "korn"]) await cluster.client.delete(v2.Artist, { name });
    const followed = { partition: "default", namespace: "default", name: owner.id.uid.toLowerCase() };
    await cluster.system.delete(Tombstone, { ...followed, name: otherOwner.uid.toLowerCase() });
    const { resources } = cluster.system;
    let replaced = false;
    const batchWrite: Resources["batchWrite"] = async (request, options) => {
      const answer = await resources.batchWrite(request, options);
      if (replaced) return answer;
      replaced = true;
      await cluster.system.delete(Tombstone, followed);
      await cluster.system.write(Tombstone, { ...followed, data: { owner: otherOwner } });
      return answer;
    };
    cluster.startControllers({
      controllers: [reaper],
      client: { ...cluster.system, resources: { ...resources, batchWrite } },
    });
    await cluster.settle();
    expect(replaced).toBe(true);
    expect(await listed()).toEqual([]);
    expect(await tombstones()).toEqual([]);
  });

  it("C240 goes on where it was stopped, at whatever point, without a wait", async () => {
    const owner = await artist();
    await albums(owner, 40);
    await cluster.client.delete(v2.Artist, { name: "korn" });
    for (let turns = 1; turns < 30; turns += 3) {
      const runtime = cluster.startControllers();
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await runtime.stop();
    }
    cluster.startControllers();
    await cluster.settle();
    expect(await listed()).toEqual([]);
    expect(await tombstones()).toEqual([]);
  });

  it.each<[string, (operations: number) => BatchAnswer]>([
    ["whole requests fail", () => Promise.reject(new Error("no leader"))],
    [
      "single deletions fail",
      async (operations) => {
        const result = { case: "error" as const, value: { code: Code.Unavailable, message: "no leader" } };
        const results = Array.from({ length: operations }, () => ({ result }));
        return create(BatchWriteResponseSchema, { results });
      },
    ],
  ])("keeps the tombstone while %s, and tries again", async (_, failure) => {
    await albums(await artist(), 3);
    await cluster.client.delete(v2.Artist, { name: "korn" });
    let failures = 2;
    const { resources } = cluster.system;
    const batchWrite: Resources["batchWrite"] = (request, options) => {
      if (failures === 0) return resources.batchWrite(request, options);
      failures -= 1;
      return failure(request.operations?.length ?? 0);
    };
    cluster.startControllers({
      controllers: [reaper],
      client: { ...cluster.system, resources: { ...resources, batchWrite } },
    });
    await cluster.clock.advance(30_000);
    expect(failures).toBe(0);
    expect(await listed()).toEqual([]);
    expect(await tombstones()).toEqual([]);
  });

  it("finds children of which its replica has not heard yet", async () => {
    const lagging = await startLaggingCluster();
    const { backend, client, clock } = lagging;
    const { resource: owner } = await client.write(v2.Artist, { name: "korn", data: { name: "Korn" } });
    const { version } = backend.position();
    await client.write(v2.Album, { name: "late", owner: owner.id, data: { title: "Late" } });
    await client.delete(v2.Artist, { name: "korn" });
    backend.lag = (oldest) => (oldest > version ? oldest : version);
    lagging.startControllers({ controllers: [reaper] });
    for (let second = 0; second < 5; second++) await clock.advance(1_000);
    backend.lag = (_, present) => present;
    expect(await all(client.list(v2.Album))).toEqual([]);
    await lagging.stop();
  });

  it("deletes 10,000 children", async () => {
    const owner = await artist();
    await albums(owner, 10_000);
    cluster.startControllers();
    await cluster.client.delete(v2.Artist, { name: "korn" });
    await cluster.settle();
    expect(await listed()).toEqual([]);
    expect(await tombstones()).toEqual([]);
  }, 120_000);
});
