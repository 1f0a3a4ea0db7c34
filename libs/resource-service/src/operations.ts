import type { Operation } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Violation } from "@trellis/registry";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { MAX_PRECONDITIONS } from "./limits.ts";
import { ServiceError } from "./service-error.ts";
import { targetKeyString } from "./target.ts";

type Mutation = Exclude<Operation["operation"], { case: undefined } | { case: "check" }>;

/** The name of an operation's field in the request's paths. */
export function armOf({ case: arm }: Mutation): string {
  return arm === "writeStatus" ? "write_status" : arm;
}

/** What an operation changes, as storage tells it apart. Undefined for a check, and for an id that the operation itself will be refused for. */
export function resourceKey(
  environment: Environment,
  call: Call,
  operation: Operation["operation"],
): string | undefined {
  if (operation.case === undefined || operation.case === "check") return undefined;
  const id = operation.case === "write" ? operation.value.resource?.id : operation.value.id;
  if (id === undefined) return undefined;
  try {
    return targetKeyString(environment, call, id, "id");
  } catch (error) {
    if (ServiceError.is(error)) return undefined;
    throw error;
  }
}

/** How many preconditions an operation has; a check is one. */
export function preconditionsOf(operation: Operation["operation"]): number {
  if (operation.case === undefined) return 0;
  return operation.case === "check" ? 1 : operation.value.preconditions.length;
}

/** The violation of a request whose operations have more preconditions than one request may, checks included. */
export function preconditionViolations(count: number): readonly Violation[] {
  if (count <= MAX_PRECONDITIONS) return [];
  const description = `have ${count} preconditions together, at most ${MAX_PRECONDITIONS} are allowed`;
  return [{ field: "operations", description }];
}
