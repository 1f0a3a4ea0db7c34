import type { Registry } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { faultOf } from "../manifest/load.ts";
import { parseManifests } from "../manifest/parse.ts";
import { placeText } from "../manifest/problem.ts";
import { identifyManifest, readManifest, type TenancyDefaults } from "../manifest/read.ts";
import { createTypeCatalog } from "../types/type-catalog.ts";
import type { KnownType } from "../types/known-type.ts";
import { everyRegistry, everyType } from "./every-kind.ts";

/** What a file's text was read as. */
export interface ReadText {
  readonly resources: readonly Resource[];
  /** `line:column words`, in the order of the text. */
  readonly problems: readonly string[];
}

/** How manifests are read in a test. */
export interface ReadTextOptions {
  readonly types?: readonly KnownType[];
  readonly registry?: Registry;
  readonly defaults?: TenancyDefaults;
  readonly file?: string;
}

/** Reads a text as the file `m.yaml`, against types with a field of every kind unless others are given. */
export function readText(text: string, options: ReadTextOptions = {}): ReadText {
  const { types = [everyType], registry = everyRegistry, file = "m.yaml" } = options;
  const { defaults = { partition: "", namespace: "" } } = options;
  const catalog = createTypeCatalog(types, () => Promise.resolve(registry));
  const { manifests, broken } = parseManifests(file, text);
  const resources: Resource[] = [];
  const problems = broken.map(({ place, message }) => `${placeText(place)} ${message}`);
  for (const manifest of manifests) {
    const identified = identifyManifest(manifest, catalog);
    const read =
      "reading" in identified ? readManifest(identified, registry, { defaults, catalog }) : identified;
    if ("problems" in read) {
      const faults = read.problems.map((problem) => faultOf(manifest, problem));
      problems.push(...faults.map(({ place, message }) => `${placeText(place)} ${message}`));
    } else resources.push(read);
  }
  return { resources, problems: problems.map((problem) => problem.replace(`${file}:`, "")) };
}
