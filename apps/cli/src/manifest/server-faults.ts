import { errorReason, errorViolations } from "@trellis/resource";

import { errorText } from "../errors.ts";
import type { ManifestDocument } from "./document.ts";
import { type Fault, faultOf, startOf } from "./load.ts";
import { locateField } from "./positions.ts";

/** What a server found wrong with a manifest, each violation at its field; an error about no field is at the manifest's beginning. */
export function serverFaults(error: unknown, manifest: ManifestDocument, server: string): readonly Fault[] {
  const violations = errorViolations(error);
  if (violations.length === 0) {
    const { message } = errorText(error, server);
    return [{ place: startOf(manifest), message }];
  }
  const remedy = REMEDIES[errorReason(error) ?? ""] ?? "";
  return violations.map(({ field, description }) =>
    faultOf(manifest, {
      ...locateField(manifest, field),
      message: `${withoutField(description, field)}${remedy}`,
    }),
  );
}

/** What to do, by reason, where the violation itself does not say it. */
const REMEDIES: Readonly<Record<string, string>> = {
  NAMESPACE_NOT_FOUND: "; make it first, as a tenancy.v1.Namespace",
  PARTITION_NOT_FOUND: "; make it first, as a tenancy.v1.Partition",
};

/** The place names the field already, whole or by its last part. */
function withoutField(description: string, field: string): string {
  const names = [field, field.slice(field.lastIndexOf(".") + 1)].filter((name) => name !== "");
  const named = names.find((name) => description.startsWith(`${name} `));
  return named === undefined ? description : description.slice(named.length + 1);
}
