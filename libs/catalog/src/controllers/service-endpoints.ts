import { equals } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import {
  byName,
  type Cache,
  defineController,
  index,
  type Request,
  requestOf,
  watch,
} from "@trellis/controller";
import type { WorkloadSelector } from "@trellis/protos/trellis/catalog/v1/selector_pb";
import type { ServiceEndpointsSchema } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import type { ServiceSchema } from "@trellis/protos/trellis/catalog/v1/service_pb";
import { isMarkedForDeletion, type TypedResource } from "@trellis/resource";

import { identitiesCondition, managedCondition } from "../endpoint-conditions.ts";
import { computeEndpoints, identitiesOf } from "../endpoints.ts";
import { isSelective, nameKey, prefixKey, selectorKeys, selectWorkloads } from "../selection.ts";
import { ENDPOINT_MANAGER_KEY, MANAGED_BY } from "../status-keys.ts";
import { Service, ServiceEndpoints, Workload } from "../types.ts";
import { CONCURRENT_RECONCILES } from "./limits.ts";
import { updateStatus } from "./update-status.ts";

type Endpoints = TypedResource<typeof ServiceEndpointsSchema>;
type ServiceResource = TypedResource<typeof ServiceSchema>;

/** The services by what they select. */
const servicesBySelector = index({
  name: "services-by-selector",
  type: Service,
  keys: ({ data }) => selectorKeys(data.workloads),
});

/** Keeps for every service that selects workloads the endpoints that can take its traffic. */
export const serviceEndpoints = defineController({
  name: "service-endpoints",
  type: ServiceEndpoints,
  indexes: [servicesBySelector],
  watches: [
    watch(Service, byName()),
    watch(Workload, ({ resource: workload, cache }) => {
      const { partition, namespace, name } = requestOf(workload.id);
      const tenancy = { partition, namespace };
      return [
        ...cache.byIndex(servicesBySelector, nameKey(name), tenancy),
        ...cache.byIndexParents(servicesBySelector, prefixKey(name), tenancy),
      ].map(({ id }) => requestOf(id));
    }),
  ],
  concurrency: CONCURRENT_RECONCILES,
  async reconcile({ request, resource: endpoints, cache, client }) {
    // Marked endpoints are frozen; once they are gone this runs again.
    if (endpoints !== undefined && isMarkedForDeletion(endpoints.metadata)) return;
    const service = cache.get(Service, request);
    if (endpoints !== undefined && (await isOrphan(endpoints, service, client))) {
      await remove(endpoints, client);
      return;
    }
    if (service === undefined) return;
    const { workloads: selector } = service.data;
    if (isSelective(selector)) await manage({ service, selector, endpoints, cache, client, request });
    else await release(service, endpoints, client);
  },
});

/** One run for a service that selects workloads. */
interface Managed {
  readonly service: ServiceResource;
  readonly selector: WorkloadSelector;
  readonly endpoints: Endpoints | undefined;
  readonly cache: Cache;
  readonly client: Client;
  readonly request: Request;
}

/** Stores the endpoints when they differ from what is there; only then says that they are managed. */
async function manage({ service, selector, endpoints, cache, client, request }: Managed): Promise<void> {
  const { partition, namespace } = request;
  const workloads = selectWorkloads(selector, {
    byName: (name) => cache.get(Workload, { partition, namespace, name }),
    byPrefix: (prefix) => cache.listByPrefix(Workload, prefix, { partition, namespace }),
  });
  const data = computeEndpoints(service.data, workloads);
  if (
    endpoints === undefined ||
    !isManaged(endpoints) ||
    !equals(ServiceEndpoints.schema, endpoints.data, data)
  ) {
    await client.write(ServiceEndpoints, {
      ...request,
      owner: service.id,
      metadata: { ...endpoints?.metadata, [MANAGED_BY]: ENDPOINT_MANAGER_KEY },
      data,
      ...(endpoints === undefined ? {} : { uid: endpoints.id.uid, version: endpoints.version }),
    });
  }
  await updateStatus(client, Service, service, {
    key: ENDPOINT_MANAGER_KEY,
    conditions: [managedCondition(true), identitiesCondition(identitiesOf(data))],
  });
}

/** Takes back what was computed for a service that no longer selects workloads, and leaves alone what people wrote. */
async function release(
  service: ServiceResource,
  endpoints: Endpoints | undefined,
  client: Client,
): Promise<void> {
  if (endpoints !== undefined && isManaged(endpoints)) await remove(endpoints, client);
  await updateStatus(client, Service, service, {
    key: ENDPOINT_MANAGER_KEY,
    conditions: [managedCondition(false), identitiesCondition([])],
  });
}

/**
 * Whether the service that owns the endpoints is gone, be there a new one of its name or not. The cache may not know yet a service that
 * was created together with its endpoints, so a suspicion is settled by a read of the present.
 */
async function isOrphan(
  { owner, id }: Endpoints,
  service: ServiceResource | undefined,
  client: Client,
): Promise<boolean> {
  if (owner === undefined || owner.uid === service?.id.uid) return false;
  const name = { ...requestOf(id), uid: owner.uid };
  return (await client.find(Service, name, { consistency: "strong" })) === undefined;
}

function isManaged(endpoints: Endpoints): boolean {
  return endpoints.metadata[MANAGED_BY] === ENDPOINT_MANAGER_KEY;
}

/** Deletes exactly what was looked at: an edit in between makes this fail, and the next run looks again. */
async function remove({ id, version }: Endpoints, client: Client): Promise<void> {
  await client.delete(ServiceEndpoints, { ...requestOf(id), uid: id.uid }, { version });
}
