import { create, isMessage } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { HookInput, Hooks, Registration, Violation } from "@trellis/registry";
import type { TypedResource } from "@trellis/resource";

import { authorize } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { hookFailed } from "./errors.ts";
import { checkFinalizers, checkMutatedMetadata } from "./metadata.ts";
import { type Payload, typed, writePayload } from "./payload.ts";
import { joinPath, ruleViolations } from "./rules.ts";
import { violationsError } from "./service-error.ts";
import type { Target } from "./target.ts";
import { hasRules } from "./type-rules.ts";
import { missingUnit, type TenancyState } from "./tenancy.ts";
import { type Known, whenKnown } from "./when-known.ts";

/** What a caller wants stored, before its type has had a say. */
export interface Draft {
  readonly target: Target;
  /** Its id is complete, and its data is the payload's. */
  readonly resource: Resource;
  /** The payload in both forms. */
  readonly payload: Payload;
  /** What is stored now, as the type's version shows it; absent on creation. */
  readonly previous: Resource | undefined;
  /** The same with its payload decoded, for those who ask; undefined too when it cannot be. */
  readonly before?: (() => TypedResource | undefined) | undefined;
  /** Where the request has the resource. */
  readonly path: string;
  /** How the tenancy stands. */
  readonly tenancy: () => Known<TenancyState>;
}

/** A resource that passed its type's rules and may be written by the caller, and how its tenancy stands. */
export interface Candidate {
  readonly resource: Resource;
  readonly tenancy: TenancyState;
}

/**
 * Takes a draft through its type: mutate, validate (the message's rules and the hook, all violations at once), authorize, and the existence of
 * its tenancy. Throws, at once or later, `INVALID_REQUEST` for too many finalizers, `INVALID_DATA`, `HOOK_FAILED`, `PERMISSION_DENIED`, `…_NOT_FOUND`.
 */
export function judge(environment: Environment, call: Call, draft: Draft): Known<Candidate> {
  const { registration } = draft.target;
  checkFinalizers(draft.resource.metadata, draft.previous?.metadata, `${draft.path}.metadata`);
  return whenKnown(runMutate(registration, draft), (content) => {
    const mutated = { ...draft, ...content };
    const { resource } = mutated;
    return whenKnown(validate(environment, registration, mutated), () =>
      whenKnown(admit(environment, call, mutated), (tenancy) => ({ resource, tenancy })),
    );
  });
}

/** Only the second half of {@link judge}: what a caller must meet to be told of what is stored. Throws, at once or later, `PERMISSION_DENIED`, `…_NOT_FOUND`. */
export function admit(environment: Environment, call: Call, draft: Draft): Known<TenancyState> {
  const { target, resource, payload, before, path } = draft;
  const { registration, units } = target;
  const authorizing = authorize(environment, call, "write", registration, {
    resource,
    next: () => typed(resource, payload.message),
    previous: before,
  });
  return whenKnown(authorizing, () =>
    whenKnown(draft.tenancy(), (tenancy) => {
      const missing = missingUnit(tenancy, units, Code.InvalidArgument, `${path}.id`);
      if (missing !== undefined) throw missing;
      return tenancy;
    }),
  );
}

interface Content {
  readonly resource: Resource;
  readonly payload: Payload;
}

/** What hooks are given. Most look at nothing but what is to be stored. */
function inputOf({ resource, payload, before }: Content & Pick<Draft, "before">): HookInput {
  const next = typed(resource, payload.message);
  return before === undefined ? { next } : new UpdateInput(next, before);
}

/** What hooks are given of a resource that is there. It is decoded for those who look at it. */
class UpdateInput implements HookInput {
  readonly next: TypedResource;
  declare readonly previous: TypedResource | undefined;
  readonly #before: () => TypedResource | undefined;

  /** An own property, so that a copy of the input has it; one for all, so that inputs have one hidden class. */
  static readonly #previous: PropertyDescriptor & ThisType<UpdateInput> = {
    enumerable: true,
    get(this: UpdateInput) {
      return this.#before();
    },
  };

  constructor(next: TypedResource, before: () => TypedResource | undefined) {
    this.next = next;
    this.#before = before;
    Object.defineProperty(this, "previous", UpdateInput.#previous);
  }
}

function runMutate(registration: Registration, { resource, payload, before }: Draft): Known<Content> {
  const { mutate } = registration.hooks;
  const content = { resource, payload };
  return mutate === undefined ? content : mutateByHook(registration.type, mutate, content, before);
}

async function mutateByHook(
  type: Registration["type"],
  mutate: NonNullable<Hooks["mutate"]>,
  draft: Content,
  before: Draft["before"],
): Promise<Content> {
  const { resource, payload } = draft;
  try {
    const mutation = await mutate(inputOf({ ...draft, before }));
    if (mutation === undefined) return draft;
    const { data, metadata, owner } = mutation;
    if (data !== undefined && !isMessage(data, type.schema))
      throw new TypeError(`mutate returned data that is no ${type.schema.typeName}`);
    if (metadata !== undefined) checkMutatedMetadata(metadata, resource.metadata);
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

function validate(environment: Environment, registration: Registration, draft: Draft): Known<void> {
  const { type, hooks } = registration;
  const violations = hasRules(type.schema)
    ? ruleViolations(environment, type.schema, draft.payload.message, `${draft.path}.data`)
    : [];
  if (hooks.validate !== undefined)
    return validateByHook(type, hooks.validate, draft).then((found) =>
      refuseInvalid([...violations, ...found]),
    );
  refuseInvalid(violations);
}

async function validateByHook(
  type: Registration["type"],
  validate: NonNullable<Hooks["validate"]>,
  draft: Draft,
): Promise<readonly Violation[]> {
  try {
    const found = await validate(inputOf(draft));
    return found.map(({ field, description }) => ({ field: joinPath(draft.path, field), description }));
  } catch (error) {
    throw hookFailed("validate hook", type.gvk, error);
  }
}

function refuseInvalid(violations: readonly Violation[]): void {
  if (violations.length > 0) throw violationsError("INVALID_DATA", violations);
}

function withPayload(resource: Resource, { any }: Payload): Resource {
  const { data: _, ...rest } = resource;
  return any === undefined ? rest : { ...rest, data: any };
}
