import { byOwner, defineController, watch } from "@trellis/controller";

import { healthyCondition } from "../health.ts";
import { judgeNode } from "../judge-health.ts";
import { NODE_HEALTH_KEY } from "../status-keys.ts";
import { Node, NodeHealthStatus } from "../types.ts";
import { CONCURRENT_RECONCILES } from "./limits.ts";
import { updateStatus } from "./update-status.ts";

/** Tells on every Node how healthy it is: as its worst check says. */
export const nodeHealth = defineController({
  name: "node-health",
  type: Node,
  watches: [watch(NodeHealthStatus, byOwner())],
  concurrency: CONCURRENT_RECONCILES,
  async reconcile({ resource: node, cache, client }) {
    if (node === undefined) return;
    const checks = cache.listByOwner(NodeHealthStatus, node.id).map(({ data }) => data.status);
    await updateStatus(client, Node, node, {
      key: NODE_HEALTH_KEY,
      conditions: [healthyCondition(judgeNode(checks))],
    });
  },
});
