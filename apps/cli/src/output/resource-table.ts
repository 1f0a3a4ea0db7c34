import type { Registry } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { manifestOf, type PrintedManifest } from "../manifest/print.ts";
import type { KnownType } from "../types/known-type.ts";
import { ageOf } from "./age.ts";
import { columnValue } from "./column-value.ts";

/** How to show resources of one type as rows. */
export interface ResourceTable {
  readonly headers: readonly string[];
  row(resource: Resource): readonly string[];
}

/** What a table shows beside the type's own columns. */
export interface ResourceTableOptions {
  readonly wide: boolean;
  /** With columns for the tenancy: the list spans several. */
  readonly tenancy: boolean;
  readonly nowMs: number;
}

/** The table of a type: NAME, the type's columns, AGE; wide ones also say uid and version. */
export function resourceTable(
  type: KnownType,
  registry: Registry,
  options: ResourceTableOptions,
): ResourceTable {
  const payload = registry.getMessage(type.messageName);
  const columns = type.columns.filter(({ wide }) => options.wide || !wide);
  const partition = options.tenancy && type.scope !== Scope.CLUSTER;
  const namespace = options.tenancy && type.scope === Scope.NAMESPACE;
  return {
    headers: [
      "NAME",
      ...(namespace ? ["NAMESPACE"] : []),
      ...(partition ? ["PARTITION"] : []),
      ...columns.map(({ header }) => header.toUpperCase()),
      ...(options.wide ? ["VERSION", "UID"] : []),
      "AGE",
    ],
    row(resource) {
      const manifest = manifestOf(resource, registry);
      const { name = "", tenancy, uid = "" } = resource.id ?? {};
      return [
        name,
        ...(namespace ? [tenancy?.namespace ?? ""] : []),
        ...(partition ? [tenancy?.partition ?? ""] : []),
        ...columns.map(({ path }) => columnValue(path, manifest, isUnread(manifest) ? undefined : payload)),
        ...(options.wide ? [resource.version, uid] : []),
        ageOf(uid, options.nowMs),
      ];
    },
  };
}

/** Whether the payload is shown as bytes: what is not read has no defaults either. */
function isUnread({ data }: PrintedManifest): boolean {
  return typeof data === "object" && data !== null && Object.hasOwn(data, "@type");
}
