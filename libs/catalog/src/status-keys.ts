export { MANAGED_BY } from "@trellis/controller";

/** The status of a Node: what its own checks say. */
export const NODE_HEALTH_KEY = "trellis.dev/node-health";
/** The status of a Workload: what its own checks and its node's say. */
export const WORKLOAD_HEALTH_KEY = "trellis.dev/workload-health";
/** The status of a Service, and the value of {@link MANAGED_BY} on the endpoints that are computed for it, which tells them from those that people write. */
export const ENDPOINT_MANAGER_KEY = "trellis.dev/endpoint-manager";
