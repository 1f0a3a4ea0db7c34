import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { RaftNode } from "@trellis/raft-node";

import { clusterService } from "./cluster-service.ts";
import { verifySnapshot } from "./restore-store.ts";
import { put } from "./test-support/contents.ts";
import { LocalStores } from "./test-support/local-stores.ts";

const stores = new LocalStores();
beforeEach(() => stores.begin());
afterEach(() => stores.end());

function clientOf(node: Pick<RaftNode, "openSnapshot">) {
  return createClient(
    ClusterService,
    createRouterTransport((router) => void router.service(ClusterService, clusterService(node))),
  );
}

describe("SaveSnapshot", () => {
  it("describes the store of now, and then sends it whole", async () => {
    const { backend, node } = await stores.open("data");
    const { version } = await backend.commit([put("a", "one")]);
    const pieces: Uint8Array[] = [];
    const descriptions: unknown[] = [];
    for await (const { content } of clientOf(node).saveSnapshot({})) {
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
    const { node } = await stores.open("data");
    await node.stop();
    const answer = clientOf(node).saveSnapshot({})[Symbol.asyncIterator]().next();
    await expect(answer).rejects.toMatchObject({ code: Code.Unavailable });
  });
});
