import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Path, pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@trellis/registry";
import { isResourceName } from "@trellis/resource";

import type { Environment } from "./environment.ts";
import { internalError } from "./errors.ts";
import { isPlainRequest } from "./plain-requests.ts";
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
  return result.violations.flatMap(({ field, ruleId, message: told }) => {
    const path = joinPath(prefix, pathToString(field));
    if (ruleId === TENANCY_RULE) return unitViolations(valueAt(message, field), path);
    const subject = schema.typeName.startsWith(API_PACKAGE) ? (SUBJECTS.get(ruleId) ?? "") : "";
    const description = ruleId === "required" ? REQUIRED : told;
    return [{ field: joinPath(path, subject), description }];
  });
}

const API_PACKAGE = "trellis.resource.v1.";
/** The rules that compare fields of one message, and the field to blame: protovalidate names the message only. */
const SUBJECTS: ReadonlyMap<string, string> = new Map([["watch.name", "name"]]);

/** The rule of `ID.tenancy`, which speaks of both units at once; violations name the unit that is wrong. */
const TENANCY_RULE = "resource.tenancy";

function unitViolations(tenancy: unknown, path: string): Violation[] {
  return (["partition", "namespace"] as const).flatMap((unit) => {
    const value = String((tenancy as Readonly<Record<string, unknown>>)[unit]);
    if (value === "" || isResourceName(value)) return [];
    const description = `must be empty or 1 to 63 lower-case letters, digits or dashes, with a letter or digit at both ends, found "${value}"`;
    return [{ field: `${path}.${unit}`, description }];
  });
}

/** What stands at a path of a message. */
function valueAt(message: object, path: Path): unknown {
  let value: unknown = message;
  for (const part of path) {
    const fields = value as Readonly<Record<string | number, unknown>>;
    switch (part.kind) {
      case "field":
        value =
          part.oneof === undefined
            ? fields[part.localName]
            : (fields[part.oneof.localName] as { readonly value: unknown }).value;
        break;
      case "list_sub":
        value = fields[part.index];
        break;
      case "map_sub":
        value = fields[String(part.key)];
        break;
      default:
        throw new TypeError(`a tenancy stands in a field, found a path through ${part.kind}`);
    }
  }
  return value;
}

/** Refuses a request that breaks its rules, with all violations at once. */
export function checkRequest<Desc extends DescMessage>(
  environment: Environment,
  schema: Desc,
  request: MessageShape<Desc>,
): void {
  if (isPlainRequest(schema, request)) return;
  const violations = ruleViolations(environment, schema, request);
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
}

/** Appends a path to the path of what contains it. */
export function joinPath(prefix: string, path: string): string {
  if (prefix === "" || path === "") return prefix + path;
  return path.startsWith("[") ? prefix + path : `${prefix}.${path}`;
}
