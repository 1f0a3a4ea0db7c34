import type { Registry } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { manifestOf, yamlText } from "../manifest/print.ts";
import type { KnownType } from "../types/known-type.ts";
import { resourceTable } from "./resource-table.ts";
import { tableText } from "./table.ts";

/** What `-o` takes. */
export const OUTPUT_FORMATS = ["table", "wide", "json", "yaml", "name"] as const;

/** How results are printed. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What printing resources needs. */
export interface FormatOptions {
  readonly type: KnownType;
  /** The word that `name` output puts before the name. */
  readonly word: string;
  readonly registry: Registry;
  /** With columns for the tenancy. */
  readonly tenancy: boolean;
  readonly nowMs: number;
  readonly colour: boolean;
}

/** Prints one resource. */
export function resourceText(resource: Resource, format: OutputFormat, options: FormatOptions): string {
  if (format === "json") return jsonText(manifestOf(resource, options.registry));
  return resourcesText([resource], format, options);
}

/** Prints a list: a table, YAML documents apart by `---`, one JSON array, or `kind/name` lines. */
export function resourcesText(
  resources: readonly Resource[],
  format: OutputFormat,
  options: FormatOptions,
): string {
  const { type, word, registry, tenancy, nowMs, colour } = options;
  if (format === "json") return jsonText(resources.map((resource) => manifestOf(resource, registry)));
  if (format === "yaml")
    return resources.map((resource) => yamlText(manifestOf(resource, registry))).join("---\n");
  if (format === "name") return resources.map((resource) => `${word}/${resource.id?.name ?? ""}\n`).join("");
  const table = resourceTable(type, registry, { wide: format === "wide", tenancy, nowMs });
  return tableText(
    table.headers,
    resources.map((resource) => table.row(resource)),
    colour,
  );
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
