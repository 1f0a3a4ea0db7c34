import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { WriteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";

import { resourceKey } from "./manifest/order.ts";
import type { Outcome } from "./output/report.ts";
import type { Session } from "./session.ts";

/** What a write did, or would do. */
export interface Applied {
  readonly outcome: Exclude<Outcome, "failed">;
  /** As stored; in a dry run, as it would be. */
  readonly resource: Resource | undefined;
}

/** How to write. */
export interface ApplyMode {
  readonly dryRun: boolean;
  /** The keys of the resources that this run created, or would have. */
  readonly created: ReadonlySet<string>;
}

const OUTCOMES: Readonly<Record<WriteResponse_Outcome, Applied["outcome"]>> = {
  [WriteResponse_Outcome.UNSPECIFIED]: "updated",
  [WriteResponse_Outcome.CREATED]: "created",
  [WriteResponse_Outcome.UPDATED]: "updated",
  [WriteResponse_Outcome.UNCHANGED]: "unchanged",
  [WriteResponse_Outcome.DELETED]: "deleted",
};

/** Creates or updates one resource. */
export async function applyResource(
  session: Session,
  resource: Resource,
  { dryRun, created }: ApplyMode,
): Promise<Applied> {
  const { client } = session.connection;
  try {
    const answer = await client.resources.write({ resource, dryRun }, session.callOptions);
    return { outcome: outcomeOf(answer.outcome), resource: answer.resource };
  } catch (error) {
    const { owner } = resource;
    const ownerToCome =
      dryRun &&
      errorReason(error) === "OWNER_NOT_FOUND" &&
      owner !== undefined &&
      created.has(resourceKey({ ...resource, id: owner }));
    if (!ownerToCome) throw error;
    // The owner would be there by now: what is left to check is the resource itself.
    const answer = await client.resources.mutateAndValidate({ resource }, session.callOptions);
    return { outcome: "created", resource: answer.resource };
  }
}

/** A write's outcome in words. */
export function outcomeOf(outcome: WriteResponse_Outcome): Applied["outcome"] {
  return OUTCOMES[outcome] ?? "updated";
}
