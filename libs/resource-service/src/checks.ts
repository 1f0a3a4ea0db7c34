import { Code } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import type { Check } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { idText } from "@trellis/resource";
import type { Precondition, StoredRecord } from "@trellis/storage";

import { type Call, parseVersion } from "./call.ts";
import type { Environment } from "./environment.ts";
import { authorizeName } from "./authorization.ts";
import type { PlannedOperation } from "./mutate.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import { targetOf } from "./target.ts";

/** Turns the preconditions of a request into steps of its commit. Throws InvalidArgument for one that cannot be read. */
export async function planChecks(
  environment: Environment,
  call: Call,
  checks: readonly Check[],
  path: string,
): Promise<readonly PlannedOperation[]> {
  return await Promise.all(
    checks.map((check, index) => planCheck(environment, call, check, `${path}[${index}]`)),
  );
}

/** Turns one check into a step of a commit, whose failure is `PRECONDITION_FAILED`. Whoever checks a resource learns of it, so must be able to read it. */
export async function planCheck(
  environment: Environment,
  call: Call,
  check: Check,
  path: string,
): Promise<PlannedOperation> {
  const { registration, id, key } = targetOf(environment, call, check.id ?? create(IDSchema), `${path}.id`);
  await authorizeName(environment, call, "read", registration, id);
  const preconditions: Precondition[] = [];
  if (check.absent) preconditions.push({ kind: "absent" });
  else preconditions.push(id.uid === "" ? { kind: "exists" } : { kind: "exists", uid: id.uid });
  if (check.version !== "")
    preconditions.push({ kind: "version", version: readVersion(check.version, `${path}.version`) });
  if (check.generation !== "") preconditions.push({ kind: "generation", generation: check.generation });
  return {
    operation: { kind: "check", key, preconditions },
    refused: (current) => preconditionFailed(check, idText(id), path, current),
  };
}

/** Reads a version of a request. Throws InvalidArgument naming its field. */
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
    current === undefined
      ? "it is absent"
      : `it has uid ${current.uid}, version ${current.version}, generation ${current.generation}`;
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
