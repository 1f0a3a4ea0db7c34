import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";

import { type HealthFinding, worstHealth } from "./health.ts";

/** What a workload's node says: `none` when the workload names no node, `missing` when there is no such node. */
export type NodeState = "none" | "missing" | { readonly health: Health };

/** A node's health, given the results of its checks. */
export function judgeNode(checks: readonly Health[]): HealthFinding {
  const health = worstHealth(checks);
  const message =
    health === Health.PASSING
      ? "All checks of the node pass."
      : "At least one check of the node does not pass.";
  return { health, message };
}

/** A workload's health, given the results of its own checks and what its node says. */
export function judgeWorkload(checks: readonly Health[], node: NodeState): HealthFinding {
  const own = worstHealth(checks);
  const nodes = nodeHealthOf(node);
  return {
    health: worstHealth([own, nodes]),
    message: describe(own !== Health.PASSING, nodes !== Health.PASSING, node),
  };
}

function nodeHealthOf(node: NodeState): Health {
  if (node === "none") return Health.PASSING;
  // Nothing runs on a machine that is not there.
  return node === "missing" ? Health.CRITICAL : node.health;
}

function describe(ownFails: boolean, nodeFails: boolean, node: NodeState): string {
  const own = ownFails
    ? "At least one check of the workload does not pass"
    : "All checks of the workload pass";
  if (node === "none") return `${own}.`;
  if (!nodeFails) return ownFails ? `${own}; its node is healthy.` : `${own}, and its node is healthy.`;
  const what = node === "missing" ? "its node does not exist" : "its node is not healthy";
  return ownFails ? `${own}, and ${what}.` : `${own}, but ${what}.`;
}
