import {
  type Condition,
  Condition_State,
  type Resource,
  type Status,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { isMarkedForDeletion } from "@trellis/resource";

import type { Tone } from "./output/paint.ts";

/** How a resource is, by its conditions, which are named so that true is the healthy state. */
export interface Readiness {
  readonly tone: Tone;
  /** For people: `ready`, `not ready: Healthy (NoChecks)`. */
  readonly text: string;
}

/**
 * Judges a resource. One that is being deleted is that first; then a condition that is false counts more than one that is unknown, and both more than a
 * status that has not observed the current generation. A resource without conditions is judged by nobody: undefined.
 */
export function readinessOf(resource: Resource): Readiness | undefined {
  if (isMarkedForDeletion(resource.metadata)) return { tone: "warning", text: "being deleted" };
  const statuses = Object.values(resource.status).filter(({ conditions }) => conditions.length > 0);
  if (statuses.length === 0) return undefined;
  const current = statuses.filter((status) => isCurrent(status, resource));
  const conditions = current.flatMap((status) => status.conditions);
  const failed = conditions.find(({ state }) => state === Condition_State.FALSE);
  if (failed !== undefined) return { tone: "bad", text: `not ready: ${conditionText(failed)}` };
  const unknown = conditions.find(({ state }) => state !== Condition_State.TRUE);
  if (unknown !== undefined) return { tone: "warning", text: `not known: ${conditionText(unknown)}` };
  if (current.length < statuses.length)
    return { tone: "warning", text: "not observed since its last change" };
  return { tone: "good", text: "ready" };
}

/** Whether a status is about the resource as it is now. */
export function isCurrent({ observedGeneration }: Status, { generation }: Resource): boolean {
  return observedGeneration === generation;
}

function conditionText({ type, reason }: Condition): string {
  return reason === "" ? type : `${type} (${reason})`;
}
