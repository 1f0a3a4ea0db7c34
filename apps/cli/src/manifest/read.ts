import { create, fromJson, type Registry, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import {
  type ID,
  IDSchema,
  type Resource,
  ResourceSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { isMap, isScalar, YAMLMap } from "yaml";

import type { KnownType } from "../types/known-type.ts";
import { nearest } from "../types/nearest.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";
import { entriesOf, isNothing, type ManifestDocument, offsetOf, resolveNode } from "./document.ts";
import { type Identity, identityType, type ManifestHeader, readHeader } from "./header.ts";
import { readMessage } from "./payload.ts";
import type { Problem } from "./problem.ts";
import { Reading } from "./reading.ts";
import { isBase64 } from "./scalars.ts";

/** The tenancy that manifests without one are given; blank units are left to the server. */
export interface TenancyDefaults {
  readonly partition: string;
  readonly namespace: string;
}

/** A manifest whose type is known, ready for its payload to be read. */
export interface IdentifiedManifest {
  readonly manifest: ManifestDocument;
  readonly reading: Reading;
  readonly header: ManifestHeader;
  readonly type: KnownType;
}

/** What is wrong with a manifest, in the order of the text. */
export interface RefusedManifest {
  readonly manifest: ManifestDocument;
  /** Who it is about, as far as that can be read. */
  readonly header: ManifestHeader | undefined;
  readonly problems: readonly Problem[];
}

/** Reads who a manifest is about and finds its type among the server's. */
export function identifyManifest(
  manifest: ManifestDocument,
  catalog: TypeCatalog,
): IdentifiedManifest | RefusedManifest {
  const reading = new Reading(manifest.document, offsetOf(manifest.root, 0));
  const header = readHeader(reading, manifest.root);
  if (header === undefined) return { manifest, header, problems: inOrder(reading.problems) };
  const type = catalog.find(header.id.type);
  if (type === undefined)
    reading.report(header.typeNode, [{ field: "type" }], unknownType(header.id, catalog));
  const { owner } = header;
  if (owner !== undefined && catalog.find(owner.type) === undefined) {
    reading.report(
      header.ownerTypeNode,
      [{ field: "owner" }, { field: "type" }],
      unknownType(owner, catalog),
    );
  }
  return type === undefined
    ? { manifest, header, problems: inOrder(reading.problems) }
    : { manifest, reading, header, type };
}

/** Reads the payload and makes the resource to write: without uid, version, generation and status. */
export function readManifest(
  { manifest, reading, header, type }: IdentifiedManifest,
  registry: Registry,
  context: { readonly defaults: TenancyDefaults; readonly catalog: TypeCatalog },
): Resource | RefusedManifest {
  const data = readData(reading, registry, type, header.data);
  if (reading.problems.length > 0 || data === undefined)
    return { manifest, header, problems: inOrder(reading.problems) };
  const id = idOf(header.id, context.catalog, context.defaults);
  const { owner } = header;
  const inherited = { partition: id.tenancy?.partition ?? "", namespace: id.tenancy?.namespace ?? "" };
  return create(ResourceSchema, {
    id: { ...id, uid: "" },
    ...(owner === undefined ? {} : { owner: idOf(owner, context.catalog, inherited) }),
    metadata: { ...header.metadata },
    data,
  });
}

/** A manifest's identity as an id; units that its type does not have are sent only when the manifest names them, so that the server can refuse. */
export function idOf(identity: Identity, catalog: TypeCatalog, defaults: TenancyDefaults): ID {
  const scope = catalog.find(identity.type)?.scope ?? Scope.UNDEFINED;
  const { name, uid } = identity;
  const partition = identity.partition || (scope === Scope.CLUSTER ? "" : defaults.partition);
  // A namespace of one partition is not that of another.
  const sameNamespaces =
    identity.partition === "" || identity.partition === defaults.partition || defaults.partition === "";
  const namespace =
    identity.namespace || (scope === Scope.NAMESPACE && sameNamespaces ? defaults.namespace : "");
  return create(IDSchema, { type: { ...identity.type }, name, uid, tenancy: { partition, namespace } });
}

function readData(reading: Reading, registry: Registry, type: KnownType, node: unknown): Any | undefined {
  const path = [{ field: "data" }];
  const typeUrl = `type.googleapis.com/${type.messageName}`;
  if (isNothing(reading.document, node)) return create(AnySchema, { typeUrl });
  const map = resolveNode(reading.document, node);
  const raw = isMap(map) ? rawPayload(reading, registry, map) : undefined;
  if (raw !== undefined) return raw;
  const schema = registry.getMessage(type.messageName);
  if (schema === undefined)
    return reading.report(node, path, `the server sent no schema of ${type.messageName}`);
  const json = readMessage(
    reading,
    registry,
    schema,
    isMap(map) ? withoutTypeUrl(reading, type, map) : node,
    path,
  );
  if (json === undefined || reading.problems.length > 0) return undefined;
  try {
    return create(AnySchema, { typeUrl, value: toBinary(schema, fromJson(schema, json, { registry })) });
  } catch (error) {
    // What the reading let pass and protobuf refuses still has a place: the payload's.
    return reading.report(node, path, String((error as { message?: unknown }).message));
  }
}

/** A payload shown as `{"@type", "value": base64}`, since its type was unknown or its bytes were broken: read back byte for byte. */
function rawPayload(reading: Reading, registry: Registry, map: YAMLMap): Any | undefined {
  const values = new Map(entriesOf(map).map(({ key, value }) => [key, resolveNode(reading.document, value)]));
  const typeUrl = values.get("@type");
  const value = values.get("value");
  if (values.size !== 2 || !isScalar(typeUrl) || !isScalar(value)) return undefined;
  if (typeof typeUrl.value !== "string" || typeof value.value !== "string" || !isBase64(value.value))
    return undefined;
  const known = registry.getMessage(messageNameOf(typeUrl.value));
  if (known?.fields.some(({ jsonName }) => jsonName === "value") === true) return undefined;
  return create(AnySchema, { typeUrl: typeUrl.value, value: Buffer.from(value.value, "base64") });
}

/** The payload's fields without `@type`, which must name the type's own message. */
function withoutTypeUrl(reading: Reading, type: KnownType, map: YAMLMap): YAMLMap {
  const entry = entriesOf(map).find(({ key }) => key === "@type");
  if (entry === undefined) return map;
  const node = resolveNode(reading.document, entry.value);
  const found = isScalar(node) && typeof node.value === "string" ? messageNameOf(node.value) : "";
  const legacy = [`hashicorp.consul.${type.gvk}`, `hashicorp.consul.internal.${type.gvk}`];
  if (found !== type.messageName && !legacy.includes(found)) {
    reading.expected(entry.value, [{ field: "data" }, { field: "@type" }], type.messageName);
  }
  const rest = new YAMLMap();
  rest.range = map.range ?? null;
  rest.items = map.items.filter(({ key }) => !(isScalar(key) && key.value === "@type"));
  return rest;
}

function messageNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

function unknownType(identity: Identity, catalog: TypeCatalog): string {
  const found = identityType(identity);
  const sameKind = catalog.types
    .filter(({ kind }) => kind.toLowerCase() === identity.type.kind.toLowerCase())
    .map(({ gvk }) => gvk);
  const close =
    sameKind.length > 0
      ? sameKind
      : nearest(
          found,
          catalog.types.map(({ gvk }) => gvk),
        );
  return `the server knows no type ${found}; ${close.length > 0 ? `did you mean ${close.join(" or ")}?` : 'see "trellis types"'}`;
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.offset - b.offset);
}
