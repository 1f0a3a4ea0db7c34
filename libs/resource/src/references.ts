import { create } from "@bufbuild/protobuf";
import { type ID, type Reference, ReferenceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { compareCodePoints } from "./canonical.ts";
import { typeNameText } from "./resource-type.ts";

/** A reference to the name that an id has, optionally to one section of it. */
export function referenceTo(id: ID, section = ""): Reference {
  const { type, tenancy, name } = id;
  return create(ReferenceSchema, {
    name,
    section,
    ...(type === undefined ? {} : { type }),
    ...(tenancy === undefined ? {} : { tenancy }),
  });
}

/** Orders references by group, version, kind, partition, namespace, name, section, as their bytes do. For sorting. */
export function compareReferences(a: Reference, b: Reference): number {
  const left = parts(a);
  const right = parts(b);
  for (const [index, part] of left.entries()) {
    const order = compareCodePoints(part, right[index] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

function parts({ type, tenancy, name, section }: Reference): readonly string[] {
  return [
    type?.group ?? "",
    type?.groupVersion ?? "",
    type?.kind ?? "",
    tenancy?.partition ?? "",
    tenancy?.namespace ?? "",
    name,
    section,
  ];
}

/** An id in words, for messages and logs: `demo.v2.Artist default/default/korn`. */
export function idText(id: ID | Reference): string {
  const units = [id.tenancy?.partition, id.tenancy?.namespace].filter(
    (unit) => unit !== undefined && unit !== "",
  );
  return `${id.type === undefined ? "?" : typeNameText(id.type)} ${[...units, id.name].join("/")}`;
}
