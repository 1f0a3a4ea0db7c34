import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

/** Whether the endpoints of a service are computed, or left to people because it selects no workloads. */
export function managedCondition(managed: boolean) {
  return managed
    ? {
        type: "EndpointsManaged",
        state: Condition_State.TRUE,
        reason: "SelectorFound",
        message: "The service selects workloads; its endpoints are computed from them.",
      }
    : {
        type: "EndpointsManaged",
        state: Condition_State.FALSE,
        reason: "SelectorNotFound",
        message: "The service selects no workloads; its endpoints are written by hand.",
      };
}

/** The identities that answer for a service, sorted: its message is those and nothing else, for programs to split. */
export function identitiesCondition(identities: readonly string[]) {
  return identities.length > 0
    ? {
        type: "BoundIdentities",
        state: Condition_State.TRUE,
        reason: "WorkloadIdentitiesFound",
        message: identities.join(","),
      }
    : {
        type: "BoundIdentities",
        state: Condition_State.FALSE,
        reason: "NoWorkloadIdentitiesFound",
        message: "",
      };
}
