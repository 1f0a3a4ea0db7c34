import { create } from "@bufbuild/protobuf";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteRequest,
  WriteRequest_Mode,
  WriteRequestSchema,
  type WriteResponse,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { StoredRecord } from "@trellis/storage";

import { checkSystemType } from "./authorization.ts";
import { type Call, checkStore } from "./call.ts";
import { admit } from "./candidate.ts";
import { checkPlanners } from "./checks.ts";
import type { Environment } from "./environment.ts";
import { alreadyExists, resourceNotFound, uidMismatch, versionMismatch } from "./errors.ts";
import { checkMetadata } from "./metadata.ts";
import { mutate, type Plan, type PlannedOperation, type Planner } from "./mutate.ts";
import { readPayload } from "./payload.ts";
import { checkRequest } from "./rules.ts";
import type { ServiceError } from "./service-error.ts";
import { targetOf } from "./target.ts";
import { planCreate, creationDraft, refuseCreation } from "./write-create.ts";
import { type Known, whenKnown, whenKnownWith } from "./when-known.ts";
import { updateDraft } from "./update-draft.ts";
import { planUpdate } from "./write-update.ts";
import type { Writing } from "./writing.ts";

/** Creates or replaces a resource. Throws, at once or later. */
export function write(environment: Environment, request: WriteRequest, call: Call): Promise<WriteResponse> {
  checkRequest(environment, WriteRequestSchema, request);
  const planned = writePlanner(environment, call, request);
  return planned instanceof Promise
    ? planned.then((planner) => mutate(environment, call, request.dryRun, planner))
    : mutate(environment, call, request.dryRun, planned);
}

/** How a write is planned; `path` is where the request stands in a larger one. Its structure was checked before. Throws, at once or later, what is wrong with it. */
export function writePlanner(
  environment: Environment,
  call: Call,
  request: WriteRequest,
  path = "",
): Known<Planner<WriteResponse>> {
  const input = request.resource ?? create(ResourceSchema);
  const target = targetOf(environment, call, input.id, `${path}resource.id`);
  checkSystemType(call, target.registration);
  checkStore(environment, call, input.version);
  checkMetadata(input.metadata, `${path}resource.metadata`);
  const payload = readPayload(target.registration.type, input.data, `${path}resource.data`);
  const planning = checkPlanners(environment, call, request.preconditions, `${path}preconditions`);
  const { mode } = request;
  const resourcePath = `${path}resource`;
  return whenKnown(
    planning,
    (checks) => (view) =>
      planAttempt({ environment, call, view, target, input, payload, mode, checks, path: resourcePath }),
  );
}

function planAttempt(writing: Writing): Known<Plan<WriteResponse>> {
  const { environment, view, target } = writing;
  const expecting = view.expect(target.key, environment.tenancy.guards(target.units));
  return whenKnownWith<unknown, Writing, Plan<WriteResponse>>(expecting, writing, planExpected);
}

function planExpected(_: unknown, writing: Writing): Known<Plan<WriteResponse>> {
  return whenKnownWith(writing.checks(writing.view), writing, planAfter);
}

function planAfter(before: readonly PlannedOperation[], writing: Writing): Known<Plan<WriteResponse>> {
  const planning = whenKnownWith(writing.view.stored(writing.target.key), writing, planWrite);
  return before.length === 0 ? planning : whenKnownWith(planning, before, behind);
}

function behind<T>(plan: Plan<T>, before: readonly PlannedOperation[]): Plan<T> {
  return { operations: [...before, ...plan.operations], answer: (version) => plan.answer(version) };
}

function planWrite(stored: StoredRecord | undefined, writing: Writing): Known<Plan<WriteResponse>> {
  const fault = identityFault(writing, stored);
  if (fault !== undefined) return refuse(writing, stored, fault);
  return stored === undefined ? planCreate(writing) : planUpdate(writing, stored);
}

async function refuse(
  writing: Writing,
  stored: StoredRecord | undefined,
  fault: ServiceError,
): Promise<never> {
  throw await refusal(writing, stored, fault);
}

/** What differs between the resource that is stored and the one that the caller expects. */
function identityFault(
  { target: { id }, input, mode }: Writing,
  stored: StoredRecord | undefined,
): ServiceError | undefined {
  const { version } = input;
  if (stored === undefined) {
    if (mode === WriteRequest_Mode.UPDATE) return resourceNotFound(id);
    return version === "" ? undefined : versionMismatch(id, version, undefined);
  }
  if (mode === WriteRequest_Mode.CREATE) return alreadyExists(id, stored);
  if (isOther(id, stored)) return uidMismatch(id, stored);
  return version === "" || version === String(stored.version)
    ? undefined
    : versionMismatch(id, version, stored);
}

/** The answer to a write that does not meet what it expects. Only who may write the resource is told how it differs. */
async function refusal(
  writing: Writing,
  stored: StoredRecord | undefined,
  fault: ServiceError,
): Promise<ServiceError> {
  if (stored !== undefined && !isOther(writing.target.id, stored)) {
    await admit(await updateDraft(writing, stored));
    return fault;
  }
  const { draft, owner } = await creationDraft(writing);
  await admit(draft);
  // A write with another incarnation's uid means to create: what no creation may have is told first.
  return (stored === undefined ? undefined : refuseCreation(writing, draft.resource, owner)) ?? fault;
}

function isOther({ uid }: Resource["id"] & object, stored: StoredRecord): boolean {
  return uid !== "" && uid !== stored.uid;
}
