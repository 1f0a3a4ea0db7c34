import type { Tenancy } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration, Violation } from "@trellis/registry";
import { isResourceName } from "@trellis/resource";
import { WILDCARD } from "@trellis/storage";

import type { Call } from "./call.ts";
import { violationsError } from "./service-error.ts";
import { everywhere, queryUnits, scopeViolations, type Units, withDefaults } from "./tenancy.ts";

/** The units that a list or watch looks into; `*` spans. Throws InvalidArgument for names and scopes that cannot be. */
export function queryTenancy(
  registration: Registration,
  tenancy: Tenancy | undefined,
  namePrefix: string,
  call: Call,
): Units {
  const violations: Violation[] = [];
  for (const unit of ["partition", "namespace"] as const) {
    const value = tenancy?.[unit] ?? "";
    if (value !== "" && value !== WILDCARD && !isResourceName(value)) {
      violations.push({
        field: `tenancy.${unit}`,
        description: `must be empty, * or a name, found "${value}"`,
      });
    }
  }
  if (namePrefix !== namePrefix.toLowerCase()) {
    violations.push({
      field: "name_prefix",
      description: `must be lower case as all names are, found "${namePrefix}"`,
    });
  }
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
  const misplaced = scopeViolations(registration, tenancy, "tenancy", true);
  if (misplaced.length > 0) throw violationsError("WRONG_SCOPE", misplaced);
  const { scope } = registration.type;
  if (tenancy === undefined) return everywhere(scope);
  return queryUnits(scope, withDefaults(scope, tenancy, call.identity.defaultTenancy));
}
