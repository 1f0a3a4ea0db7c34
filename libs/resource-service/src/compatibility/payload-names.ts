import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration, Registry } from "@trellis/registry";
import { parseTypeName, typeNameText } from "@trellis/resource";

const PREFIX = "hashicorp.consul.";
const INTERNAL = "internal.";
/** The groups whose payloads the reference keeps in its internal package. */
const INTERNAL_GROUPS: ReadonlySet<string> = new Set(["demo", "internal"]);
const URL_PREFIX = "type.googleapis.com/";

/** A request's resource with the registered payload name in place of the reference's; the bytes stay. */
export function withRegisteredName(resource: Resource | undefined, registry: Registry): Resource | undefined {
  const data = resource?.data;
  if (resource === undefined || data === undefined) return resource;
  const registered = registeredFor(data.typeUrl.slice(data.typeUrl.lastIndexOf("/") + 1), registry);
  return registered === undefined ? resource : renamed(resource, data, registered.type.schema.typeName);
}

/** The type that a payload name of the reference stands for; undefined for any other name. */
export function registeredFor(name: string, registry: Registry): Registration | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const gvk = name.slice(PREFIX.length);
  const type = parseTypeName(
    gvk.startsWith(INTERNAL) && gvk.split(".").length > 3 ? gvk.slice(INTERNAL.length) : gvk,
  );
  return type === undefined ? undefined : registry.resolve(type);
}

/** An answer's resource with the reference's payload name in place of the registered one. */
export function withReferenceName(resource: Resource | undefined, registry: Registry): Resource | undefined {
  const data = resource?.data;
  if (resource === undefined || data === undefined) return resource;
  const registered = registry.resolveMessage(data.typeUrl.slice(data.typeUrl.lastIndexOf("/") + 1));
  if (registered === undefined) return resource;
  const { type } = registered;
  const internal = INTERNAL_GROUPS.has(type.group) ? INTERNAL : "";
  return renamed(resource, data, `${PREFIX}${internal}${typeNameText(type)}`);
}

function renamed(resource: Resource, { value }: Any, name: string): Resource {
  return create(ResourceSchema, {
    ...resource,
    data: create(AnySchema, { typeUrl: URL_PREFIX + name, value }),
  });
}
