import type { Registry } from "@bufbuild/protobuf";
import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import type { ManifestDocument } from "../manifest/document.ts";
import { type Fault, faultOf, startOf } from "../manifest/load.ts";
import { parseManifests } from "../manifest/parse.ts";
import { identifyManifest, readManifest } from "../manifest/read.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";

/** An edited manifest, or what is wrong with it. */
export type ReadEdited =
  | { readonly manifest: ManifestDocument; readonly resource: Resource }
  | { readonly faults: readonly Fault[] };

/** What an edited manifest is read against. */
export interface EditContext {
  readonly catalog: TypeCatalog;
  readonly registry: Registry;
  /** The resource that is edited. */
  readonly original: Resource;
}

/** Reads an edited manifest as a change of the original: that version of that incarnation. */
export function readEdited(text: string, { catalog, registry, original }: EditContext): ReadEdited {
  const { manifests, broken } = parseManifests("the file", text);
  const [manifest, second] = manifests;
  if (broken.length > 0) return { faults: broken };
  if (manifest === undefined)
    return { faults: [{ place: NOWHERE, message: "expected a manifest, found nothing" }] };
  if (second !== undefined)
    return { faults: [{ place: startOf(second), message: "expected one manifest, found another" }] };
  const identified = identifyManifest(manifest, catalog);
  const defaults = { partition: "", namespace: "" };
  const read =
    "reading" in identified ? readManifest(identified, registry, { defaults, catalog }) : identified;
  if ("problems" in read) return { faults: read.problems.map((problem) => faultOf(manifest, problem)) };
  if (!isSame(read.id, original.id))
    return {
      faults: [
        {
          place: startOf(manifest),
          message: 'type, name and tenancy cannot be changed here; "trellis apply" makes another resource',
        },
      ],
    };
  const { id, version } = original;
  return { manifest, resource: { ...read, ...(id === undefined ? {} : { id }), version } };
}

const NOWHERE = { file: "the file", line: 1, column: 1 };

/** A unit that was taken out of the manifest stands for what it was. */
function isSame(edited: ID | undefined, original: ID | undefined): boolean {
  const same = (a: string | undefined, b: string | undefined) => (a ?? "") === (b ?? "");
  const unit = (a: string | undefined, b: string | undefined) => (a ?? "") === "" || same(a, b);
  return (
    same(edited?.name, original?.name) &&
    same(edited?.type?.group, original?.type?.group) &&
    same(edited?.type?.groupVersion, original?.type?.groupVersion) &&
    same(edited?.type?.kind, original?.type?.kind) &&
    unit(edited?.tenancy?.partition, original?.tenancy?.partition) &&
    unit(edited?.tenancy?.namespace, original?.tenancy?.namespace)
  );
}
