import { byIndex, byOwner, type Cache, defineController, index, retry, watch } from "@trellis/controller";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { healthOf, healthyCondition } from "../health.ts";
import { judgeWorkload, type NodeState } from "../judge-health.ts";
import { NODE_HEALTH_KEY, WORKLOAD_HEALTH_KEY } from "../status-keys.ts";
import { HealthStatus, Node, Workload } from "../types.ts";
import { CONCURRENT_RECONCILES } from "./limits.ts";
import { updateStatus } from "./update-status.ts";

/** The workloads of a partition by the node that they run on. */
const workloadsByNode = index({
  name: "workloads-by-node",
  type: Workload,
  keys: ({ data }) => (data.nodeName === "" ? [] : [data.nodeName]),
});

/** Tells on every Workload how healthy it is: as its worst check says, or its node when that is worse. */
export const workloadHealth = defineController({
  name: "workload-health",
  type: Workload,
  indexes: [workloadsByNode],
  watches: [watch(HealthStatus, byOwner()), watch(Node, byIndex(workloadsByNode))],
  concurrency: CONCURRENT_RECONCILES,
  async reconcile({ resource: workload, cache, client }) {
    if (workload === undefined) return;
    const node = nodeState(cache, workload.id, workload.data.nodeName);
    if (node === "unreconciled") {
      return retry(
        new Error(`node "${workload.data.nodeName}" has no health yet: node-health has not looked at it`),
      );
    }
    const checks = cache.listByOwner(HealthStatus, workload.id).map(({ data }) => data.status);
    await updateStatus(client, Workload, workload, {
      key: WORKLOAD_HEALTH_KEY,
      conditions: [healthyCondition(judgeWorkload(checks, node))],
    });
    return;
  },
});

function nodeState(cache: Cache, workload: ID, nodeName: string): NodeState | "unreconciled" {
  if (nodeName === "") return "none";
  const node = cache.get(Node, {
    partition: workload.tenancy?.partition ?? "",
    namespace: "",
    name: nodeName,
  });
  if (node === undefined) return "missing";
  const health = healthOf(node.status[NODE_HEALTH_KEY]);
  return health === undefined ? "unreconciled" : { health };
}
