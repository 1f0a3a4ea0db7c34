import { create, isMessage } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { HookInput, Registration, Violation } from "@trellis/registry";
import type { TypedResource } from "@trellis/resource";

import { authorize } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { hookFailed } from "./errors.ts";
import { type Payload, readPayload, storedPayload, typed, writePayload } from "./payload.ts";
import { joinPath, ruleViolations } from "./rules.ts";
import { violationsError } from "./service-error.ts";
import type { Target } from "./target.ts";
import { missingUnit, type TenancyState } from "./tenancy.ts";

/** A resource that passed its type's rules and may be written by the caller, and how its tenancy stands. */
export interface Candidate {
  readonly resource: Resource;
  readonly tenancy: TenancyState;
}

/**
 * Takes a resource through its type: mutate, validate (the message's rules and the hook, all violations at once), authorize, and the existence of its tenancy.
 * `resource.id` is complete. Throws `WRONG_DATA_TYPE`, `MALFORMED_DATA`, `INVALID_DATA`, `HOOK_FAILED`, `PERMISSION_DENIED`, `…_NOT_FOUND`.
 */
export async function judge(
  environment: Environment,
  call: Call,
  target: Target,
  resource: Resource,
  previous: Resource | undefined,
): Promise<Candidate> {
  const { registration, units } = target;
  const payload = readPayload(registration.type, resource.data);
  const before = previous === undefined ? undefined : typedStored(registration, previous);
  const mutated = await runMutate(registration, resource, payload, before);
  await validate(environment, registration, mutated, before);
  const next = typed(mutated.resource, mutated.payload.message);
  await authorize(environment, call, "write", registration, {
    resource: mutated.resource,
    next,
    previous: before,
  });
  const tenancy = await environment.tenancy.state(units);
  const missing = missingUnit(tenancy, units, Code.InvalidArgument);
  if (missing !== undefined) throw missing;
  return { resource: mutated.resource, tenancy };
}

interface Draft {
  readonly resource: Resource;
  readonly payload: Payload;
}

function inputOf({ resource, payload }: Draft, previous: TypedResource | undefined): HookInput {
  return { next: typed(resource, payload.message), ...(previous === undefined ? {} : { previous }) };
}

async function runMutate(
  registration: Registration,
  resource: Resource,
  payload: Payload,
  previous: TypedResource | undefined,
): Promise<Draft> {
  const { type, hooks } = registration;
  const draft = { resource: withPayload(resource, payload), payload };
  if (hooks.mutate === undefined) return draft;
  try {
    const mutation = await hooks.mutate(inputOf(draft, previous));
    if (mutation === undefined) return draft;
    const { data, metadata, owner } = mutation;
    if (data !== undefined && !isMessage(data, type.schema))
      throw new TypeError(`mutate returned data that is no ${type.schema.typeName}`);
    const changed = data === undefined ? payload : writePayload(type.schema, data);
    const mutated = create(ResourceSchema, {
      ...draft.resource,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
      ...(owner === undefined ? {} : { owner }),
    });
    return { resource: withPayload(mutated, changed), payload: changed };
  } catch (error) {
    throw hookFailed("mutate hook", type.gvk, error);
  }
}

async function validate(
  environment: Environment,
  registration: Registration,
  draft: Draft,
  previous: TypedResource | undefined,
): Promise<void> {
  const { type, hooks } = registration;
  const violations: Violation[] = ruleViolations(
    environment,
    type.schema,
    draft.payload.message,
    "resource.data",
  );
  if (hooks.validate !== undefined) {
    try {
      const found = await hooks.validate(inputOf(draft, previous));
      violations.push(
        ...found.map(({ field, description }) => ({ field: joinPath("resource", field), description })),
      );
    } catch (error) {
      throw hookFailed("validate hook", type.gvk, error);
    }
  }
  if (violations.length > 0) throw violationsError("INVALID_DATA", violations);
}

function withPayload(resource: Resource, { any }: Payload): Resource {
  const { data: _, ...rest } = resource;
  return create(ResourceSchema, any === undefined ? rest : { ...rest, data: any });
}

function typedStored(registration: Registration, resource: Resource): TypedResource | undefined {
  const data = storedPayload(registration.type, resource.data);
  return data === undefined ? undefined : typed(resource, data);
}
