import { Code } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import type { Check } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { idText } from "@trellis/resource";
import type { Precondition, StoredRecord } from "@trellis/storage";

import { type Call, checkStore, parseVersion } from "./call.ts";
import type { Environment } from "./environment.ts";
import { authorize, authorizeName } from "./authorization.ts";
import { presentAs } from "./group-version.ts";
import type { PlannedOperation } from "./mutate.ts";
import { resourceOf } from "./record.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import { unchangedSince, type StateView } from "./state-view.ts";
import { targetOf } from "./target.ts";
import type { Known } from "./when-known.ts";

/** A check as a step of a commit, on what a mutation believes is stored. */
export type CheckPlanner = (view: StateView) => Promise<PlannedOperation>;

/** All checks of a request as steps of its commit. */
export type ChecksPlanner = (view: StateView) => Known<readonly PlannedOperation[]>;

const NONE: readonly PlannedOperation[] = [];
const noChecks: ChecksPlanner = () => NONE;

/** Turns the preconditions of a request into steps of its commit. Throws InvalidArgument, at once or later, for one that cannot be read. */
export function checkPlanners(
  environment: Environment,
  call: Call,
  checks: readonly Check[],
  path: string,
): Known<ChecksPlanner> {
  return checks.length === 0 ? noChecks : plannersOf(environment, call, checks, path);
}

async function plannersOf(
  environment: Environment,
  call: Call,
  checks: readonly Check[],
  path: string,
): Promise<ChecksPlanner> {
  const planners: CheckPlanner[] = [];
  for (const [index, check] of checks.entries())
    planners.push(await checkPlanner(environment, call, check, `${path}[${index}]`));
  return async (view) => {
    const steps: PlannedOperation[] = [];
    for (const planner of planners) steps.push(await planner(view));
    return steps;
  };
}

/** Turns one check into a step of a commit, whose failure is `PRECONDITION_FAILED`. Whoever checks a resource learns of it, so must be able to read it. */
export async function checkPlanner(
  environment: Environment,
  call: Call,
  check: Check,
  path: string,
): Promise<CheckPlanner> {
  const { registration, id, key } = targetOf(environment, call, check.id ?? create(IDSchema), `${path}.id`);
  checkStore(environment, call, check.version);
  const answer = await authorizeName(environment, call, "read", registration, id);
  const preconditions: Precondition[] = [];
  if (check.absent) preconditions.push({ kind: "absent" });
  else preconditions.push(id.uid === "" ? { kind: "exists" } : { kind: "exists", uid: id.uid });
  if (check.version !== "")
    preconditions.push({ kind: "version", version: readVersion(check.version, `${path}.version`) });
  if (check.generation !== "") preconditions.push({ kind: "generation", generation: check.generation });
  const refusal = (current: StoredRecord | undefined) => preconditionFailed(check, idText(id), path, current);
  if (answer !== "needsResource") {
    const step = { operation: { kind: "check", key, preconditions }, refused: refusal } as const;
    return () => Promise.resolve(step);
  }
  return async (view) => {
    const record = await view.stored(key);
    if (record !== undefined) {
      const resource = (await presentAs(registration, record)) ?? resourceOf(record);
      await authorize(environment, call, "read", registration, { resource });
    }
    // What was judged may be old: neither what holds of another state nor what that is may be told before that was judged. An earlier operation on the key proves it.
    const judged = view.isPlanned(key) ? [] : [unchangedSince(record)];
    return {
      operation: { kind: "check", key, preconditions: [...judged, ...preconditions] },
      refused: (current) => (current?.version === record?.version ? refusal(current) : undefined),
    };
  };
}

/** Reads a version that a request resumes from or checks. Throws InvalidArgument naming its field. */
export function readVersion(text: string, field: string) {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw violationsError("INVALID_REQUEST", [
    { field, description: `must be a decimal version as the service gave it, found "${text}"` },
  ]);
}

function preconditionFailed(
  check: Check,
  what: string,
  path: string,
  current: StoredRecord | undefined,
): ServiceError {
  const expected = check.absent
    ? "to be absent"
    : [
        "to exist",
        ...(check.id?.uid ? [`with uid ${check.id.uid}`] : []),
        ...(check.version === "" ? [] : [`at version ${check.version}`]),
        ...(check.generation === "" ? [] : [`at generation ${check.generation}`]),
      ].join(" ");
  const found =
    (holds(check, current) ? "an earlier operation of this request changes it: " : "") +
    (current === undefined
      ? "it is absent"
      : `it has uid ${current.uid}, version ${current.version}, generation ${current.generation}`);
  return new ServiceError({
    code: Code.FailedPrecondition,
    reason: "PRECONDITION_FAILED",
    message: `precondition ${path} failed: expected ${what} ${expected}, found that ${found}`,
    metadata: {
      precondition: path,
      ...(current === undefined ? {} : { current_version: String(current.version) }),
    },
  });
}

/** Whether a check holds on what is stored, without the effects of earlier operations. */
function holds({ id, absent, version, generation }: Check, current: StoredRecord | undefined): boolean {
  if (current === undefined) return absent;
  return (
    !absent &&
    (id?.uid === undefined || id.uid === "" || id.uid === current.uid) &&
    (version === "" || version === String(current.version)) &&
    (generation === "" || generation === current.generation)
  );
}
