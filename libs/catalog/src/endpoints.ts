import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Protocol } from "@trellis/protos/trellis/catalog/v1/protocol_pb";
import {
  type Endpoint,
  EndpointSchema,
  type ServiceEndpoints,
  ServiceEndpointsSchema,
} from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import type { Service, ServicePort } from "@trellis/protos/trellis/catalog/v1/service_pb";
import type {
  WorkloadAddress,
  WorkloadAddressSchema,
  WorkloadPort,
  WorkloadPortSchema,
  WorkloadSchema,
} from "@trellis/protos/trellis/catalog/v1/workload_pb";
import type { TypedResource } from "@trellis/resource";

import { healthOf } from "./health.ts";
import { WORKLOAD_HEALTH_KEY } from "./status-keys.ts";

type WorkloadResource = TypedResource<typeof WorkloadSchema>;
type Ports = Readonly<Record<string, MessageInitShape<typeof WorkloadPortSchema>>>;

/** The endpoints of a service with these workloads: one per workload that offers at least one of its ports, in the given order. */
export function computeEndpoints(service: Service, workloads: readonly WorkloadResource[]): ServiceEndpoints {
  const former = computed.get(service);
  const all = workloads.map((workload) => {
    const known = former?.get(workload.id.uid);
    return known?.workload === workload ? known : { workload, endpoint: endpointOf(service, workload) };
  });
  computed.set(service, new Map(all.map((one) => [one.workload.id.uid, one])));
  return create(ServiceEndpointsSchema, { endpoints: all.flatMap(({ endpoint }) => endpoint ?? []) });
}

/** What was computed last of a service, by the uid of the workload. Neither of them ever changes, and of many workloads few are others than the last time. */
const computed = new WeakMap<
  Service,
  ReadonlyMap<string, { readonly workload: WorkloadResource; readonly endpoint: Endpoint | undefined }>
>();

/** The distinct identities of endpoints, sorted; endpoints without one count for nothing. */
export function identitiesOf({ endpoints }: ServiceEndpoints): readonly string[] {
  const identities = endpoints.map(({ identity }) => identity).filter((identity) => identity !== "");
  return [...new Set(identities)].toSorted();
}

function endpointOf(service: Service, workload: WorkloadResource): Endpoint | undefined {
  const { id, status, data } = workload;
  const ports = servedPorts(service.ports, data.ports);
  const addresses = data.addresses.flatMap((address) => reachedAddress(address, ports) ?? []);
  if (addresses.length === 0) return undefined;
  return create(EndpointSchema, {
    targetRef: id,
    addresses,
    ports,
    // Nobody has said yet that it takes traffic.
    healthStatus: healthOf(status[WORKLOAD_HEALTH_KEY]) ?? Health.CRITICAL,
    identity: data.identity,
    ...(data.dns === undefined ? {} : { dns: data.dns }),
  });
}

/** The workload's ports that the service targets and that speak its protocol, which a port without one takes over. */
function servedPorts(targets: readonly ServicePort[], ports: Readonly<Record<string, WorkloadPort>>): Ports {
  const served: Record<string, MessageInitShape<typeof WorkloadPortSchema>> = {};
  for (const { targetPort, protocol } of targets) {
    const port = Object.hasOwn(ports, targetPort) ? ports[targetPort] : undefined;
    if (port === undefined) continue;
    if (port.protocol !== Protocol.UNSPECIFIED && port.protocol !== protocol) continue;
    served[targetPort] = { port: port.port, protocol };
  }
  return served;
}

/** An address reduced to the served ports, sorted; one that names no ports offers them all. Undefined when none is left. */
function reachedAddress(
  { host, ports, external }: WorkloadAddress,
  served: Ports,
): MessageInitShape<typeof WorkloadAddressSchema> | undefined {
  const offered =
    ports.length === 0 ? Object.keys(served) : ports.filter((name) => Object.hasOwn(served, name));
  if (offered.length === 0) return undefined;
  return { host, external, ports: [...new Set(offered)].toSorted() };
}
