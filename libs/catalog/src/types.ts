import { NodeHealthStatusSchema, HealthStatusSchema } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { NodeSchema } from "@trellis/protos/trellis/catalog/v1/node_pb";
import { ServiceEndpointsSchema } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import { ServiceSchema } from "@trellis/protos/trellis/catalog/v1/service_pb";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { resourceType } from "@trellis/client";

/** One instance of a program that serves traffic. */
export const Workload = resourceType(WorkloadSchema);
/** A name that clients call, and the workloads that answer it. */
export const Service = resourceType(ServiceSchema);
/** Where a service's traffic can go; has the name of its Service, which owns it. */
export const ServiceEndpoints = resourceType(ServiceEndpointsSchema);
/** The result of one check of a Workload, which owns it. */
export const HealthStatus = resourceType(HealthStatusSchema);
/** A machine that workloads run on. */
export const Node = resourceType(NodeSchema);
/** The result of one check of a Node, which owns it. */
export const NodeHealthStatus = resourceType(NodeHealthStatusSchema);
