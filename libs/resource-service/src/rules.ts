import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@trellis/registry";

import type { Environment } from "./environment.ts";
import { internalError } from "./errors.ts";
import { REQUIRED, violationsError } from "./service-error.ts";

/** Everything that breaks a message's protovalidate rules; `prefix` is where the message stands in the request. */
export function ruleViolations<Desc extends DescMessage>(
  environment: Environment,
  schema: Desc,
  message: MessageShape<Desc>,
  prefix = "",
): Violation[] {
  const result = environment.validator.validate(schema, message);
  if (result.kind === "valid") return [];
  if (result.kind === "error") throw internalError(result.error);
  return result.violations.map(({ field, ruleId, message: description }) => {
    const path = pathToString(field);
    return {
      field: joinPath(prefix, path),
      description: ruleId === "required" ? REQUIRED : description,
    };
  });
}

/** Refuses a request that breaks its rules, with all violations at once. */
export function checkRequest<Desc extends DescMessage>(
  environment: Environment,
  schema: Desc,
  request: MessageShape<Desc>,
): void {
  const violations = ruleViolations(environment, schema, request);
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
}

/** Appends a path to the path of what contains it. */
export function joinPath(prefix: string, path: string): string {
  if (prefix === "" || path === "") return prefix + path;
  return path.startsWith("[") ? prefix + path : `${prefix}.${path}`;
}
