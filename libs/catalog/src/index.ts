/**
 * The service catalog: which workloads run where and how healthy they are, and for every service the endpoints that can take its
 * traffic. The default export is the domain that servers load.
 */
import { defineDomain } from "@trellis/controller";

import { nodeHealth } from "./controllers/node-health.ts";
import { serviceEndpoints } from "./controllers/service-endpoints.ts";
import { workloadHealth } from "./controllers/workload-health.ts";
import { healthStatusHooks, nodeHealthStatusHooks } from "./hooks/health-status.ts";
import { serviceHooks } from "./hooks/service.ts";
import { serviceEndpointsHooks } from "./hooks/service-endpoints.ts";
import { HealthStatus, Node, NodeHealthStatus, Service, ServiceEndpoints, Workload } from "./types.ts";

export { ENDPOINT_MANAGER_KEY, MANAGED_BY, NODE_HEALTH_KEY, WORKLOAD_HEALTH_KEY } from "./status-keys.ts";
export { HealthStatus, Node, NodeHealthStatus, Service, ServiceEndpoints, Workload };

export default defineDomain({
  types: [Workload, Service, ServiceEndpoints, HealthStatus, Node, NodeHealthStatus],
  hooks: [serviceHooks, serviceEndpointsHooks, healthStatusHooks, nodeHealthStatusHooks],
  controllers: [nodeHealth, workloadHealth, serviceEndpoints],
});
