import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION, type TenancyUnits, typeNameText } from "@trellis/resource";

import type { Environment } from "../environment.ts";
import { CliError } from "../errors.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";
import type { KnownType } from "../types/known-type.ts";
import { type ManifestDocument, offsetOf, placeOf } from "./document.ts";
import { type ManifestHeader } from "./header.ts";
import { ownersFirst, resourceKey } from "./order.ts";
import { type ParsedFile, parseManifests } from "./parse.ts";
import { type Place, type Problem, problemLine } from "./problem.ts";
import { identifyManifest, readManifest, type RefusedManifest, type TenancyDefaults } from "./read.ts";
import { readSources, sourceName, type UnreadableSource } from "./sources.ts";

/** A manifest that was read whole. */
export interface LoadedManifest {
  readonly manifest: ManifestDocument;
  readonly type: KnownType;
  readonly resource: Resource;
}

/** A manifest that cannot be used, and why. */
export interface FailedManifest {
  /** What it is about (`service/api`), or which one of its file it is. */
  readonly label: string;
  readonly faults: readonly Fault[];
}

/** One reason, with its place. */
export interface Fault {
  readonly place: Place;
  /** The field, what was expected, what was found. */
  readonly message: string;
}

/** Everything that `-f` named. */
export interface LoadedManifests {
  /** Owners first. */
  readonly loaded: readonly LoadedManifest[];
  readonly failed: readonly FailedManifest[];
}

/** Reads all manifests that the paths name, against the server's types. Throws only when a path cannot be read. */
export async function loadManifests(
  environment: Environment,
  catalog: TypeCatalog,
  paths: readonly string[],
  defaults: TenancyDefaults,
): Promise<LoadedManifests> {
  const failed: FailedManifest[] = [];
  const documents: ManifestDocument[] = [];
  const sources = await readSources(environment, paths);
  for (const source of sources) {
    const { manifests, broken } =
      "text" in source ? parseManifests(source.file, source.text) : unreadableFile(source);
    documents.push(...manifests);
    failed.push(...broken.map(({ place, message }) => ({ label: place.file, faults: [{ place, message }] })));
  }
  if (documents.length + failed.length === 0)
    throw new CliError(`there are no manifests in ${paths.map(sourceName).join(", ")}`);
  const identified = documents.map((document) => identifyManifest(document, catalog));
  const types = new Set(identified.flatMap((one) => ("reading" in one ? [one.type] : [])));
  const registry = await catalog.schemas([...types]);
  const loaded: LoadedManifest[] = [];
  for (const one of identified) {
    const read = "reading" in one ? readManifest(one, registry, { defaults, catalog }) : one;
    if ("problems" in read) failed.push(refused(read, catalog));
    else if ("reading" in one) loaded.push({ manifest: one.manifest, type: one.type, resource: read });
  }
  const distinct = withoutRepeats(loaded, catalog, failed);
  const { ordered, circular } = ownersFirst(distinct);
  for (const { item, circle } of circular) {
    const names = circle.map((one) => labelOf(one, catalog)).join(" → ");
    failed.push({
      label: labelOf(item, catalog),
      faults: [{ place: startOf(item.manifest), message: `owner: the owners form a circle: ${names}` }],
    });
  }
  return { loaded: ordered, failed };
}

function unreadableFile({ file, message }: UnreadableSource): ParsedFile {
  return { manifests: [], broken: [{ place: { file, line: 1, column: 1 }, message }] };
}

/** How a resource is named in what is printed: `service/api`, with the namespace and partition that are not the default as the commands take it. */
export function labelOf(
  { type, resource }: Pick<LoadedManifest, "type" | "resource">,
  catalog: TypeCatalog,
): string {
  return namedLabel(catalog.word(type), resource.id?.name ?? "", resource.id?.tenancy);
}

/** The same for a resource or an owner whose type the catalog may not have. */
export function labelOfId(id: ID | undefined, catalog: TypeCatalog): string {
  const type = id?.type === undefined ? undefined : catalog.find(id.type);
  const word = type === undefined ? typeNameText(id?.type ?? NO_TYPE) : catalog.word(type);
  return namedLabel(word, id?.name ?? "", id?.tenancy);
}

const NO_TYPE = { group: "", groupVersion: "", kind: "" };

/** Where a manifest begins. */
export function startOf(manifest: ManifestDocument): Place {
  return placeOf(manifest, offsetOf(manifest.root, 0));
}

/** The place and the words of a problem. */
export function faultOf(manifest: ManifestDocument, { offset, path, message }: Problem): Fault {
  return { place: placeOf(manifest, offset), message: problemLine({ path, message }) };
}

function refused({ manifest, header, problems }: RefusedManifest, catalog: TypeCatalog): FailedManifest {
  return {
    label: header === undefined ? `${manifest.file} (${manifest.position})` : headerLabel(header, catalog),
    faults: problems.map((problem) => faultOf(manifest, problem)),
  };
}

function headerLabel({ id }: ManifestHeader, catalog: TypeCatalog): string {
  const type = catalog.find(id.type);
  const word = type === undefined ? id.type.kind.toLowerCase() : catalog.word(type);
  return namedLabel(word, id.name === "" ? "?" : id.name, id);
}

function namedLabel(word: string, name: string, units: TenancyUnits | undefined): string {
  const { partition = "", namespace = "" } = units ?? {};
  const where = [
    ...(namespace === "" || namespace === DEFAULT_NAMESPACE ? [] : [`-n ${namespace}`]),
    ...(partition === "" || partition === DEFAULT_PARTITION ? [] : [`-p ${partition}`]),
  ];
  return [`${word}/${name}`, ...where].join(" ");
}

/** Two manifests of one resource would overwrite each other: the second is refused. */
function withoutRepeats(
  loaded: readonly LoadedManifest[],
  catalog: TypeCatalog,
  failed: FailedManifest[],
): readonly LoadedManifest[] {
  const first = new Map<string, LoadedManifest>();
  for (const item of loaded) {
    const key = resourceKey(item.resource);
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, item);
      continue;
    }
    const { file, line } = startOf(other.manifest);
    failed.push({
      label: labelOf(item, catalog),
      faults: [
        {
          place: startOf(item.manifest),
          message: `the same resource stands in ${file}:${line} already; remove one`,
        },
      ],
    });
  }
  return [...first.values()];
}
