import { create, isMessage } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { HookInput, Hooks, Registration, Violation } from "@trellis/registry";
import type { TypedResource } from "@trellis/resource";

import type { Unmade } from "./access.ts";
import { authorize } from "./authorization.ts";
import { hookFailed } from "./errors.ts";
import { checkFinalizers, checkMutatedMetadata } from "./metadata.ts";
import { type Payload, typed, type TypedStored, writePayload } from "./payload.ts";
import { joinPath, ruleViolations } from "./rules.ts";
import { violationsError } from "./service-error.ts";
import type { StateView } from "./state-view.ts";
import { hasRules } from "./type-rules.ts";
import { missingUnit, type TenancyState } from "./tenancy.ts";
import { tenancyState } from "./tenancy-guards.ts";
import { type Known, whenKnown, whenKnownWith } from "./when-known.ts";
import type { Writing } from "./writing.ts";

/** What a caller wants stored, before its type has had a say. */
export interface Draft {
  /** Who wants it, and where. Without a view, nothing that is stored is looked at. */
  readonly writing: Pick<Writing, "environment" | "call" | "target" | "path"> & {
    readonly view: StateView | undefined;
  };
  /** Its id is complete, and its data is the payload's. */
  readonly resource: Resource;
  /** What makes the resource, where that is made for who looks at it. */
  readonly unmade?: Unmade | undefined;
  /** The payload in both forms. */
  readonly payload: Payload;
  /** What is stored now, as the type's version shows it; absent on creation. */
  readonly previous: Resource | undefined;
  /** The same with its payload decoded, for those who ask; undefined too when it cannot be. */
  readonly before: TypedStored | undefined;
}

/** A draft that passed its type's rules, as its type changed it, and that may be written by the caller; and how its tenancy stands. */
export interface Candidate {
  readonly draft: Draft;
  readonly tenancy: TenancyState;
}

/**
 * Takes a draft through its type: mutate, validate (the message's rules and the hook, all violations at once), authorize, and the existence of
 * its tenancy. Throws, at once or later, `INVALID_REQUEST` for too many finalizers, `INVALID_DATA`, `HOOK_FAILED`, `PERMISSION_DENIED`, `…_NOT_FOUND`.
 */
export function judge(draft: Draft): Known<Candidate> {
  const { target, path } = draft.writing;
  checkFinalizers(draft.resource.metadata, draft.previous?.metadata, path);
  const { mutate } = target.registration.hooks;
  return mutate === undefined
    ? judgeMutated(draft)
    : whenKnown(mutateByHook(target.registration.type, mutate, draft), judgeMutated);
}

/** The same behind the mutate hook, for a draft whose finalizers are no more than those that are stored. */
export function judgeMutated(draft: Draft): Known<Candidate> {
  return whenKnownWith(validate(draft), draft, judgeValid);
}

function judgeValid(_: void, draft: Draft): Known<Candidate> {
  return whenKnownWith(admit(draft), draft, candidateOf);
}

function candidateOf(tenancy: TenancyState, draft: Draft): Candidate {
  return { draft, tenancy };
}

/** Only the second half of {@link judge}: what a caller must meet to be told of what is stored. Throws, at once or later, `PERMISSION_DENIED`, `…_NOT_FOUND`. */
export function admit(draft: Draft): Known<TenancyState> {
  const { environment, call, target } = draft.writing;
  const authorizing = authorize(environment, call, "write", target.registration, draft);
  return whenKnownWith(authorizing, draft, admitAuthorized);
}

function admitAuthorized(_: void, { writing }: Draft): Known<TenancyState> {
  const { environment, view, target } = writing;
  const { units } = target;
  const tenancy =
    view === undefined
      ? Promise.resolve(environment.tenancy.state(units))
      : tenancyState(environment, view, units);
  return whenKnownWith(tenancy, writing, refuseMissing);
}

/** A tenancy of which nothing is missing; throws `…_NOT_FOUND` for any other. */
function refuseMissing(tenancy: TenancyState, { target, path }: Draft["writing"]): TenancyState {
  const missing = missingUnit(tenancy, target.units, Code.InvalidArgument, `${path}.id`);
  if (missing !== undefined) throw missing;
  return tenancy;
}

/** What hooks are given. Most look at nothing but what is to be stored. */
function inputOf({ resource, payload, before }: Draft): HookInput {
  const next = typed(resource, payload.message);
  return before === undefined ? { next } : new UpdateInput(next, before);
}

/** What hooks are given of a resource that is there. It is decoded for those who look at it. */
class UpdateInput implements HookInput {
  readonly next: TypedResource;
  declare readonly previous: TypedResource | undefined;
  readonly #before: TypedStored;

  /** An own property, so that a copy of the input has it; one for all, so that inputs have one hidden class. */
  static readonly #previous: PropertyDescriptor & ThisType<UpdateInput> = {
    enumerable: true,
    get(this: UpdateInput) {
      return this.#before.resource();
    },
  };

  constructor(next: TypedResource, before: TypedStored) {
    this.next = next;
    this.#before = before;
    Object.defineProperty(this, "previous", UpdateInput.#previous);
  }
}

async function mutateByHook(
  type: Registration["type"],
  mutate: NonNullable<Hooks["mutate"]>,
  draft: Draft,
): Promise<Draft> {
  const { resource, payload } = draft;
  try {
    const mutation = await mutate(inputOf(draft));
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
    return { ...draft, resource: withPayload(mutated, changed), payload: changed };
  } catch (error) {
    throw hookFailed("mutate hook", type.gvk, error);
  }
}

function validate(draft: Draft): Known<void> {
  const { environment, target, path } = draft.writing;
  const { type, hooks } = target.registration;
  const violations = hasRules(type.schema)
    ? ruleViolations(environment, type.schema, draft.payload.message, `${path}.data`)
    : NONE;
  return hooks.validate === undefined
    ? refuseInvalid(violations)
    : whenKnownWith(validateByHook(type, hooks.validate, draft), violations, refuseAll);
}

const NONE: readonly Violation[] = [];

async function validateByHook(
  type: Registration["type"],
  validate: NonNullable<Hooks["validate"]>,
  draft: Draft,
): Promise<readonly Violation[]> {
  try {
    const found = await validate(inputOf(draft));
    const { path } = draft.writing;
    return found.map(({ field, description }) => ({ field: joinPath(path, field), description }));
  } catch (error) {
    throw hookFailed("validate hook", type.gvk, error);
  }
}

function refuseAll(byHook: readonly Violation[], byRules: readonly Violation[]): void {
  refuseInvalid([...byRules, ...byHook]);
}

function refuseInvalid(violations: readonly Violation[]): void {
  if (violations.length > 0) throw violationsError("INVALID_DATA", violations);
}

function withPayload(resource: Resource, { any }: Payload): Resource {
  const { data: _, ...rest } = resource;
  return any === undefined ? rest : { ...rest, data: any };
}
