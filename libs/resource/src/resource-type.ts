import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import {
  type Column,
  resource as resourceOption,
  Scope,
} from "@trellis/protos/trellis/resource/v1/annotations_pb";

/** A type's group, version and kind as plain values. */
export interface TypeName {
  readonly group: string;
  readonly groupVersion: string;
  readonly kind: string;
}

/** One value per type serves registry, client and controllers: what the payload message's annotation declares, once. */
export interface ResourceType<Desc extends DescMessage = DescMessage> extends TypeName {
  /** `group.version.Kind`. */
  readonly gvk: string;
  readonly scope: Scope;
  readonly schema: Desc;
  readonly shortNames: readonly string[];
  readonly columns: readonly Column[];
}

/**
 * Makes the type that a payload message declares. The group is the package part before the version unless the annotation names it,
 * the kind is the message's name. Throws when the message has no `(trellis.resource.v1.resource)` annotation, or its names
 * break the rules for groups, versions and kinds.
 */
export function resourceType<Desc extends DescMessage>(schema: Desc): ResourceType<Desc> {
  const option = hasOption(schema, resourceOption) ? getOption(schema, resourceOption) : undefined;
  if (option === undefined) {
    throw new TypeError(
      `message ${schema.typeName} is not a resource: annotate it with option (trellis.resource.v1.resource) = {scope: …}`,
    );
  }
  const packageParts = schema.file.proto.package.split(".");
  const groupVersion = packageParts.at(-1) ?? "";
  const group = option.group === "" ? (packageParts.at(-2) ?? "") : option.group;
  const kind = schema.name;
  checkTypeName({ group, groupVersion, kind }, schema.typeName);
  const gvk = typeNameText({ group, groupVersion, kind });
  if (option.scope === Scope.UNDEFINED && gvk !== "internal.v1.Tombstone") {
    throw new TypeError(
      `message ${schema.typeName} declares no scope: set scope: SCOPE_CLUSTER, SCOPE_PARTITION or SCOPE_NAMESPACE`,
    );
  }
  return {
    group,
    groupVersion,
    kind,
    gvk,
    scope: option.scope,
    schema,
    shortNames: option.shortNames,
    columns: option.columns,
  };
}

const GROUP = /^[a-z][a-z\d_]+$/;
const GROUP_VERSION = /^v([a-z\d]+)?\d$/;
const KIND = /^[A-Z][A-Za-z\d]+$/;

/** Throws when a part of a type's name breaks its pattern; `source` says what declared it. */
export function checkTypeName(name: TypeName, source: string): void {
  const wrong =
    (!GROUP.test(name.group) && `group "${name.group}" must match ${GROUP.source}`) ||
    (!GROUP_VERSION.test(name.groupVersion) &&
      `group version "${name.groupVersion}" must match ${GROUP_VERSION.source}`) ||
    (!KIND.test(name.kind) && `kind "${name.kind}" must match ${KIND.source}`);
  if (wrong !== false) throw new TypeError(`${source} is not a resource type: ${wrong}`);
}

/** `group.version.Kind`. */
export function typeNameText(name: TypeName): string {
  return `${name.group}.${name.groupVersion}.${name.kind}`;
}

/** Reads `group.version.Kind`; undefined when it has not exactly three parts. */
export function parseTypeName(text: string): TypeName | undefined {
  const [group, groupVersion, kind, ...rest] = text.split(".");
  if (group === undefined || groupVersion === undefined || kind === undefined || rest.length > 0)
    return undefined;
  return { group, groupVersion, kind };
}
