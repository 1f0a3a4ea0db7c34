import { eventually } from "@trellis/testkit";

import type { Operator } from "../cluster/operator.ts";

/** How long a cluster may take until what is asked of it can be done. */
export const HEALTHY_MS = 30_000;

/** Adds a node that waits to be added, or soon will, and has it vote once it has caught up. */
export async function addVoter(
  operator: Operator,
  member: { readonly name: string; readonly address: string },
): Promise<void> {
  const { id } = await eventually(
    () => operator.ask((client, options) => client.addMember(member, options)),
    HEALTHY_MS,
  );
  await eventually(
    () => operator.ask((client, options) => client.promoteMember({ id }, options)),
    HEALTHY_MS,
  );
}

/** Throws unless all replicas hold the same. */
export async function replicasAreEqual(operator: Operator): Promise<void> {
  const { equal, replicas } = await operator.ask((client, options) => client.checkReplicas({}, options));
  if (!equal) throw new Error(`the replicas differ: ${replicas.map(({ hash }) => hash).join(", ")}`);
}
