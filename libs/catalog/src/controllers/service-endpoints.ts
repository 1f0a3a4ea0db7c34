import { type Cache, defineController, type Request } from "@trellis/controller";
import type { Service as ServiceData } from "@trellis/protos/trellis/catalog/v1/service_pb";
import type { ServiceEndpoints as EndpointsData } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";

import { identitiesCondition, managedCondition } from "../endpoint-conditions.ts";
import { computeEndpoints, identitiesOf } from "../endpoints.ts";
import { isSelective, selectWorkloads } from "../selection.ts";
import { ENDPOINT_MANAGER_KEY } from "../status-keys.ts";
import { Service, ServiceEndpoints, Workload } from "../types.ts";
import { CONCURRENT_RECONCILES, ENDPOINTS_INTERVAL_MS } from "./limits.ts";

/**
 * Keeps for every service that selects workloads the endpoints that can take its traffic. Those of a service that no longer does are taken back; what people wrote for one that
 * never did is left alone.
 */
export const serviceEndpoints = defineController({
  name: "service-endpoints",
  key: ENDPOINT_MANAGER_KEY,
  type: Service,
  owns: [ServiceEndpoints],
  watches: [Workload],
  concurrency: CONCURRENT_RECONCILES,
  minIntervalMs: ENDPOINTS_INTERVAL_MS,
  async reconcile({ request, resource: service, cache, children, status }) {
    const data = endpointsOf(service.data, request, cache);
    await children(ServiceEndpoints).set(data === undefined ? [] : [{ name: request.name, data }]);
    status.set(...managedCondition(data !== undefined));
    status.set(...identitiesCondition(data === undefined ? [] : identitiesOf(data)));
  },
});

/** What a service's endpoints are to be; undefined when it selects nothing, and they are left to people. */
function endpointsOf(
  service: ServiceData,
  { partition, namespace }: Request,
  cache: Cache,
): EndpointsData | undefined {
  if (!isSelective(service.workloads)) return undefined;
  const workloads = selectWorkloads(service.workloads, {
    byName: (name) => cache.get(Workload, { partition, namespace, name }),
    byPrefix: (prefix) => cache.listByPrefix(Workload, prefix, { partition, namespace }),
  });
  return computeEndpoints(service, workloads);
}
