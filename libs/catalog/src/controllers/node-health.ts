import { defineController } from "@trellis/controller";

import { healthyCondition } from "../health.ts";
import { judgeNode } from "../judge-health.ts";
import { NODE_HEALTH_KEY } from "../status-keys.ts";
import { Node, NodeHealthStatus } from "../types.ts";
import { CONCURRENT_RECONCILES } from "./limits.ts";

/** Tells on every Node how healthy it is: as its worst check says. */
export const nodeHealth = defineController({
  name: "node-health",
  key: NODE_HEALTH_KEY,
  type: Node,
  watches: [NodeHealthStatus],
  concurrency: CONCURRENT_RECONCILES,
  reconcileMarked: true,
  async reconcile({ resource: node, cache, status }) {
    const checks = cache.listByOwner(NodeHealthStatus, node.id).map(({ data }) => data.status);
    status.set(...healthyCondition(judgeNode(checks)));
  },
});
