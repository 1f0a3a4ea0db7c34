import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { connectTo } from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";

import type { LocalStore } from "../open-local-store.ts";
import { verifySnapshot } from "../restore-store.ts";
import { put } from "../test-support/contents.ts";
import { LocalStores } from "../test-support/local-stores.ts";
import { clusterService } from "./cluster-service.ts";

const stores = new LocalStores();
beforeEach(() => stores.begin());
afterEach(() => stores.end());

function clientOf(store: LocalStore) {
  return createClient(
    ClusterService,
    createRouterTransport(
      (router) =>
        void router.service(
          ClusterService,
          clusterService({
            clock: systemClock,
            random: Math.random,
            replica: () => store,
            connect: connectTo,
            pid: 1,
          }),
        ),
    ),
  );
}

describe("SaveSnapshot", () => {
  it("describes the store of now, and then sends it whole", async () => {
    const store = await stores.open("data");
    const { backend, node } = store;
    const { version } = await backend.commit([put("a", "one")]);
    const pieces: Uint8Array[] = [];
    const descriptions: unknown[] = [];
    for await (const { content } of clientOf(store).saveSnapshot({})) {
      if (content.case === "piece") pieces.push(content.value);
      else descriptions.push(content.value);
    }
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    expect(descriptions).toMatchObject([
      { clusterId: node.clusterId, version: BigInt(version), bytes: BigInt(bytes) },
    ]);
    const [description] = descriptions as readonly { readonly version: bigint }[];
    const summary = await verifySnapshot(
      (async function* () {
        yield* pieces;
      })(),
      "it",
    );
    expect(summary).toMatchObject({ version: Number(description?.version), records: 1 });
  });

  it("answers UNAVAILABLE, and why, when the node cannot make one", async () => {
    const store = await stores.open("data");
    await store.node.stop();
    const answer = clientOf(store).saveSnapshot({})[Symbol.asyncIterator]().next();
    await expect(answer).rejects.toMatchObject({ code: Code.Unavailable });
  });
});
