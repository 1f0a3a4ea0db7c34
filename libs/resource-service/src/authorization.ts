import { type Access, allowAll, type Decision } from "@trellis/authz";
import { create } from "@bufbuild/protobuf";
import { type ID, type Tenancy, TenancySchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { HookDecision, Registration } from "@trellis/registry";
import { typeNameText } from "@trellis/resource";
import type { StoredRecord } from "@trellis/storage";

import { accessTo, type Subject } from "./access.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { hookFailed, idText, permissionDenied } from "./errors.ts";
import { typed, typedStored } from "./payload.ts";
import { ServiceError } from "./service-error.ts";
import type { Shown } from "./shown.ts";
import { type Known, whenKnown, whenKnownWith } from "./when-known.ts";

/** What a caller tried, in the words of its refusal: who may write a resource may delete it. */
type Deed = "read" | "write" | "delete";

/** Refuses writes to a system type by anyone but the system. */
export function checkSystemType(call: Call, registration: Registration): void {
  if (!registration.system || call.identity.system) return;
  const denied = permissionDenied(
    `write ${registration.type.gvk}`,
    "only the system writes resources of this type",
  );
  throw new ServiceError({ ...denied.failure, reason: "SYSTEM_TYPE" });
}

/** Why a caller may not, or that it may. */
type Answer = true | string;

/** What {@link mayAccess} is asked. */
type Question = Parameters<typeof mayAccess>;

/** Whether the caller may read or write a resource; said at once where the authorizer does. The type's hook decides first. */
export function mayAccess(
  environment: Environment,
  call: Call,
  verb: "read" | "write",
  registration: Registration,
  subject: Subject,
): Known<Answer> {
  return registration.hooks.authorize === undefined
    ? askWithResource(environment, call, verb, registration, subject)
    : askHookFirst(environment, call, verb, registration, subject);
}

async function askHookFirst(...question: Question): Promise<Answer> {
  const [, call, verb, registration, subject] = question;
  const decision = await askHook(call, verb, registration, subject);
  if (decision === undefined) return await askWithResource(...question);
  return decision.allowed ? true : decision.reason;
}

function askWithResource(...[environment, call, verb, { type }, subject]: Question): Known<Answer> {
  // Who allows everything looks at nothing.
  if (environment.authorizer === allowAll) return true;
  const access = accessTo(call.identity, verb, type, subject);
  return whenKnownWith(ask(environment, access), access, answerWithResource);
}

function answerWithResource(decision: Decision, { type }: Access): Answer {
  if (decision.decision === "deny") return decision.reason;
  if (decision.decision === "allow") return true;
  throw hookFailed(
    "authorizer",
    typeNameText(type),
    new Error("needsResource was answered to a question with the resource"),
  );
}

/** What the type's hook decides; undefined where it leaves that to the authorizer. */
async function askHook(
  call: Call,
  verb: "read" | "write",
  registration: Registration,
  subject: Subject,
): Promise<HookDecision | undefined> {
  const authorize = registration.hooks.authorize;
  if (authorize === undefined) return undefined;
  const { resource, payload, before } = subject;
  const next =
    payload === undefined ? typedStored(registration.type, resource) : typed(resource, payload.message);
  const previous = before?.resource();
  return await runHook(registration, () =>
    authorize({
      verb,
      caller: { name: call.identity.name, system: call.identity.system },
      ...(next === undefined ? {} : { next }),
      ...(previous === undefined ? {} : { previous }),
    }),
  );
}

/** A record, and what the caller would be shown of it. */
export interface Candidate {
  readonly record: Pick<StoredRecord, "key">;
  readonly shown: Pick<Shown, "resource">;
}

/** Whether the caller may read a record; said at once where the authorizer does. It is decoded only for a hook, or for an authorizer that asks for the resource. */
export function mayRead(
  environment: Environment,
  call: Call,
  registration: Registration,
  { record, shown }: Candidate,
): Known<boolean> {
  const judge = async (): Promise<boolean> => {
    const resource = shown.resource();
    return (await mayAccess(environment, call, "read", registration, { resource })) === true;
  };
  if (registration.hooks.authorize !== undefined) return judge();
  const { partition, namespace, name } = record.key;
  const { type } = registration;
  const tenancy = create(TenancySchema, { partition, namespace });
  const decision = ask(environment, { identity: call.identity, verb: "read", type, tenancy, name });
  return whenKnown(decision, (found) =>
    found.decision === "needsResource" ? judge() : found.decision === "allow",
  );
}

/** Throws `PERMISSION_DENIED`, at once or later, unless the caller may read or write the resource. `deed` is what the error says it tried. */
export function authorize(
  environment: Environment,
  call: Call,
  verb: "read" | "write",
  registration: Registration,
  subject: Subject,
  deed: Deed = verb,
): Known<void> {
  const answering = mayAccess(environment, call, verb, registration, subject);
  return answering instanceof Promise
    ? refuseLater(answering, deed, subject)
    : refuseUnless(answering, deed, subject);
}

async function refuseLater(answering: Promise<Answer>, deed: Deed, subject: Subject): Promise<void> {
  refuseUnless(await answering, deed, subject);
}

function refuseUnless(answer: Answer, deed: Deed, subject: Subject): void {
  if (answer !== true)
    throw permissionDenied(`${deed} ${describe((subject.unmade ?? subject.resource).id)}`, answer);
}

/**
 * Asks about a name of which nothing is known, yet or at all. Throws `PERMISSION_DENIED`, at once or later; answers whether the question must be asked (again)
 * with the resource. A type with an authorize hook always needs the resource: the hook decides before the authorizer.
 */
export function authorizeName(
  environment: Environment,
  call: Call,
  verb: "read" | "write",
  registration: Registration,
  id: ID,
  deed: Deed = verb,
): Known<NameAnswer> {
  if (registration.hooks.authorize !== undefined) return "needsResource";
  const { type } = registration;
  const access = { identity: call.identity, verb, type, tenancy: id.tenancy, name: id.name };
  return whenKnown(ask(environment, access), (decision) => {
    if (decision.decision === "deny") throw permissionDenied(`${deed} ${idText(id)}`, decision.reason);
    return decision.decision === "allow" ? "allowed" : "needsResource";
  });
}

/** What is to be made of a name. */
type NameAnswer = "allowed" | "needsResource";

/** Throws `PERMISSION_DENIED` unless the caller may list the type there. */
export async function authorizeList(
  environment: Environment,
  call: Call,
  registration: Registration,
  tenancy: Tenancy | undefined,
): Promise<void> {
  const what = `list ${registration.type.gvk}`;
  const hook = registration.hooks.authorize;
  if (hook !== undefined) {
    const caller = { name: call.identity.name, system: call.identity.system };
    const decision = await runHook(registration, () => hook({ verb: "list", caller }));
    if (decision !== undefined) {
      if (decision.allowed) return;
      throw permissionDenied(what, decision.reason);
    }
  }
  const decision = await ask(environment, {
    identity: call.identity,
    verb: "list",
    type: registration.type,
    tenancy,
  });
  if (decision.decision === "deny") throw permissionDenied(what, decision.reason);
  if (decision.decision === "allow") return;
  throw hookFailed(
    "authorizer",
    registration.type.gvk,
    new Error("needsResource was answered to a list, of which there is no one resource"),
  );
}

/** Asks the authorizer; at once where it answers at once. */
function ask(environment: Environment, access: Access): Known<Decision> {
  try {
    const decision = environment.authorizer.decide(access);
    return "then" in decision ? decided(decision, access) : decision;
  } catch (error) {
    throw authorizerFailed(access, error);
  }
}

async function decided(deciding: Promise<Decision>, access: Access): Promise<Decision> {
  try {
    return await deciding;
  } catch (error) {
    throw authorizerFailed(access, error);
  }
}

function authorizerFailed({ type }: Access, cause: unknown): ServiceError {
  return hookFailed("authorizer", typeNameText(type), cause);
}

async function runHook<T>(registration: Registration, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw hookFailed("authorize hook", registration.type.gvk, error);
  }
}

function describe(id: ID | undefined): string {
  return id === undefined ? "a resource" : idText(id);
}
