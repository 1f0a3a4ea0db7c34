import {
  byReader,
  type Cache,
  changed,
  defineController,
  done,
  requestOf,
  retry,
  watch,
} from "@trellis/controller";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { healthOf, healthyCondition } from "../health.ts";
import { judgeWorkload, type NodeState } from "../judge-health.ts";
import { NODE_HEALTH_KEY, WORKLOAD_HEALTH_KEY } from "../status-keys.ts";
import { HealthStatus, Node, Workload } from "../types.ts";
import { CONCURRENT_RECONCILES } from "./limits.ts";

/** Tells on every Workload how healthy it is: as its worst check says, or its node when that is worse. */
export const workloadHealth = defineController({
  name: "workload-health",
  key: WORKLOAD_HEALTH_KEY,
  type: Workload,
  watches: [HealthStatus, watch(Node, byReader(), { when: changed.status(NODE_HEALTH_KEY) })],
  concurrency: CONCURRENT_RECONCILES,
  reconcileMarked: true,
  async reconcile({ resource: { id, data }, cache, status }) {
    const node = nodeState(cache, id, data.nodeName);
    if (node === "unreconciled")
      return retry(new Error(`node "${data.nodeName}" has no health yet: node-health has not looked at it`));
    const checks = cache.listByOwner(HealthStatus, id).map((check) => check.data.status);
    status.set(...healthyCondition(judgeWorkload(checks, node)));
    return done;
  },
});

function nodeState(cache: Cache, workload: ID, nodeName: string): NodeState | "unreconciled" {
  if (nodeName === "") return "none";
  const node = cache.get(Node, { ...requestOf(workload), namespace: "", name: nodeName });
  if (node === undefined) return "missing";
  const health = healthOf(node.status[NODE_HEALTH_KEY]);
  return health === undefined ? "unreconciled" : { health };
}
