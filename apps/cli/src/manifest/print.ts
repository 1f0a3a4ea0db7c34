import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { type Any } from "@bufbuild/protobuf/wkt";
import {
  type ID,
  type Resource,
  type Status,
  StatusSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { typeNameText } from "@trellis/resource";
import { stringify } from "yaml";

/** A resource as a manifest shows it (API.md §6); the keys are in the order in which they are read. */
export type PrintedManifest = PrintedIdentity & { readonly [field: string]: JsonValue };

/** Turns a resource into its manifest. A payload whose type is unknown, or whose bytes are broken, is shown as `{"@type", "value": base64}`. */
export function manifestOf(resource: Resource, registry: Registry): PrintedManifest {
  const { id, owner, metadata, data, version, generation, status } = resource;
  return {
    ...identityOf(id),
    ...(owner === undefined ? {} : { owner: ownerOf(owner, id) }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata: sorted(metadata, (value) => value) }),
    ...(data === undefined ? {} : { data: payloadOf(data, registry) }),
    ...(id?.uid === undefined || id.uid === "" ? {} : { uid: id.uid }),
    ...(version === "" ? {} : { version }),
    ...(generation === "" ? {} : { generation }),
    ...(Object.keys(status).length === 0 ? {} : { status: sorted(status, (one) => statusOf(one, registry)) }),
  };
}

/** A manifest as one YAML document, with a line's end. */
export function yamlText(manifest: JsonValue): string {
  // Quotes what older readers take for something else than text: yes, on, 12:30.
  return stringify(manifest, { lineWidth: 0, compat: "yaml-1.1", aliasDuplicateObjects: false });
}

/** What somebody wants of a resource, without what the service and controllers keep of it: a manifest to edit and to compare. */
export function wantedText(resource: Resource, registry: Registry): string {
  const kept = Object.entries(manifestOf(resource, registry)).filter(
    ([field]) => !KEPT_BY_SERVICE.has(field),
  );
  return yamlText(Object.fromEntries(kept));
}

const KEPT_BY_SERVICE: ReadonlySet<string> = new Set(["uid", "version", "generation", "status"]);

interface PrintedIdentity {
  readonly type: string;
  readonly name: string;
  readonly partition?: string;
  readonly namespace?: string;
}

function identityOf(id: ID | undefined): PrintedIdentity {
  const { partition = "", namespace = "" } = id?.tenancy ?? {};
  return {
    type: id?.type === undefined ? "" : typeNameText(id.type),
    name: id?.name ?? "",
    ...(partition === "" ? {} : { partition }),
    ...(namespace === "" ? {} : { namespace }),
  };
}

/** The owner's name, without the uid: a manifest must also fit another store. Its tenancy only where it is not the resource's own. */
function ownerOf(owner: ID, id: ID | undefined): { readonly [field: string]: JsonValue } {
  const { type, name, ...units } = identityOf(owner);
  const { partition, namespace } = identityOf(id);
  const same = (units.partition ?? partition) === partition && (units.namespace ?? namespace) === namespace;
  return { type, name, ...(same ? {} : units) };
}

function payloadOf(data: Any, registry: Registry): JsonValue {
  const schema = registry.getMessage(data.typeUrl.slice(data.typeUrl.lastIndexOf("/") + 1));
  const raw = { "@type": data.typeUrl, value: Buffer.from(data.value).toString("base64") };
  if (schema === undefined) return raw;
  try {
    return toJson(schema, fromBinary(schema, data.value), { registry });
  } catch {
    return raw;
  }
}

function statusOf(status: Status, registry: Registry): JsonValue {
  return toJson(StatusSchema, status, { registry });
}

function sorted<Value>(
  map: Readonly<Record<string, Value>>,
  print: (value: Value) => JsonValue,
): { readonly [key: string]: JsonValue } {
  return Object.fromEntries(
    Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, print(value)]),
  );
}
