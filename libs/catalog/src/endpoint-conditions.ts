/** Whether the endpoints of a service are computed, or left to people because it selects no workloads. */
export function managedCondition(managed: boolean) {
  const details = managed
    ? {
        reason: "SelectorFound",
        message: "The service selects workloads; its endpoints are computed from them.",
      }
    : {
        reason: "SelectorNotFound",
        message: "The service selects no workloads; its endpoints are written by hand.",
      };
  return ["EndpointsManaged", managed, details] as const;
}

/** The identities that answer for a service, sorted: its message is those and nothing else, for programs to split. */
export function identitiesCondition(identities: readonly string[]) {
  const found = identities.length > 0;
  const reason = found ? "WorkloadIdentitiesFound" : "NoWorkloadIdentitiesFound";
  return ["BoundIdentities", found, { reason, message: identities.join(",") }] as const;
}
