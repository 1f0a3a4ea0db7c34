import type { Violation } from "@trellis/registry";

import { MAX_METADATA_BYTES, MAX_METADATA_ENTRIES } from "./limits.ts";
import { violationsError } from "./service-error.ts";

/** Refuses metadata beyond the limits. */
export function checkMetadata(metadata: Readonly<Record<string, string>>, field: string): void {
  const entries = Object.entries(metadata);
  const violations: Violation[] = [];
  if (entries.length > MAX_METADATA_ENTRIES) {
    violations.push({
      field,
      description: `must have at most ${MAX_METADATA_ENTRIES} entries, found ${entries.length}`,
    });
  }
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes > MAX_METADATA_BYTES) {
    violations.push({
      field,
      description: `must have at most ${MAX_METADATA_BYTES} bytes of keys and values, found ${bytes}`,
    });
  }
  if (Object.hasOwn(metadata, "")) violations.push({ field, description: "must not have an empty key" });
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
}
