import type { Column, Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { TypeInfo } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { type TypeName, typeNameText } from "@trellis/resource";

/** A type as the server told it. */
export interface KnownType extends TypeName {
  /** `group.version.Kind`. */
  readonly gvk: string;
  readonly scope: Scope;
  /** The full name of the payload message. */
  readonly messageName: string;
  readonly shortNames: readonly string[];
  readonly columns: readonly Column[];
  /** The comment of the payload message. */
  readonly description: string;
}

/** Reads what TypeService says of a type. */
export function knownType(info: TypeInfo): KnownType {
  const { group = "", groupVersion = "", kind = "" } = info.type ?? {};
  const { scope, messageName, shortNames, columns, description } = info;
  return {
    group,
    groupVersion,
    kind,
    gvk: typeNameText({ group, groupVersion, kind }),
    scope,
    messageName,
    shortNames,
    columns,
    description,
  };
}
