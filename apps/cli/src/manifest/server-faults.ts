import { errorViolations } from "@trellis/resource";

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
  return violations.map(({ field, description }) =>
    faultOf(manifest, { ...locateField(manifest, field), message: description }),
  );
}
