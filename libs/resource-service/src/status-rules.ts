import { type Condition, Condition_StateSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { WriteStatusRequest } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Violation } from "@trellis/registry";
import { isResourceName, isUlid } from "@trellis/resource";

import { MAX_CONDITIONS, MAX_STATUS_KEY_LENGTH } from "./limits.ts";
import { REQUIRED, violationsError } from "./service-error.ts";

/** Refuses a WriteStatus whose parts do not fit each other, with everything that is wrong. */
export function checkStatusRequest(request: WriteStatusRequest, path: string): void {
  const { id, key, status, remove } = request;
  const violations: Violation[] = [];
  const add = (field: string, description: string): void =>
    void violations.push({ field: path + field, description });
  if (id !== undefined && id.uid === "") add("id.uid", REQUIRED);
  if (key === "") add("key", REQUIRED);
  if (key.length > MAX_STATUS_KEY_LENGTH)
    add("key", `must have at most ${MAX_STATUS_KEY_LENGTH} characters, found ${key.length}`);
  if (remove) {
    if (status !== undefined) add("status", "must be absent when remove is set");
  } else if (status === undefined) {
    add("status", REQUIRED);
  } else {
    if (status.observedGeneration === "") add("status.observed_generation", REQUIRED);
    else if (!isUlid(status.observedGeneration))
      add(
        "status.observed_generation",
        "is not valid: must be the ULID of the generation that was looked at",
      );
    if (status.updatedAt !== undefined)
      add("status.updated_at", "is automatically set and cannot be provided");
    if (status.conditions.length > MAX_CONDITIONS)
      add("status.conditions", `must be at most ${MAX_CONDITIONS}, found ${status.conditions.length}`);
    else checkConditions(status.conditions, add);
  }
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
}

const STATES = Condition_StateSchema.values.map(({ number, name }) => `${number} (${name})`).join(", ");

function checkConditions(
  conditions: readonly Condition[],
  add: (field: string, description: string) => void,
): void {
  const seen = new Set<string>();
  for (const [index, { type, state, resource }] of conditions.entries()) {
    const field = `status.conditions[${index}]`;
    if (Condition_StateSchema.value[state] === undefined)
      add(`${field}.state`, `is no state: expected one of ${STATES}, found ${state}`);
    if (type === "") add(`${field}.type`, REQUIRED);
    else if (seen.has(type)) add(`${field}.type`, `"${type}" is there twice; a status has each type once`);
    seen.add(type);
    if (resource === undefined) continue;
    if (resource.type === undefined) add(`${field}.resource.type`, REQUIRED);
    if (resource.name === "") add(`${field}.resource.name`, REQUIRED);
    else if (!isResourceName(resource.name))
      add(`${field}.resource.name`, "invalid: must be a resource name");
    for (const unit of ["partition", "namespace"] as const) {
      const value = resource.tenancy?.[unit] ?? "";
      if (value !== "" && !isResourceName(value))
        add(`${field}.resource.tenancy.${unit}`, "invalid: must be a name");
    }
  }
}
