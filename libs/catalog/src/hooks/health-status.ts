import { on } from "@trellis/controller";

import { HealthStatus, Node, NodeHealthStatus, Workload } from "../types.ts";
import { completeOwner, ownerViolations } from "./owner.ts";

/** A check belongs to the workload that it checked. */
export const healthStatusHooks = on(HealthStatus, {
  mutate: ({ next }) => completeOwner(next, Workload),
  validate: ({ next }) => ownerViolations(next, Workload),
});

/** A check belongs to the node that it checked. */
export const nodeHealthStatusHooks = on(NodeHealthStatus, {
  mutate: ({ next }) => completeOwner(next, Node),
  validate: ({ next }) => ownerViolations(next, Node),
});
