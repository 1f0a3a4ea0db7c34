import type { Operation } from "@trellis/storage";

/** What storage keeps of a resource besides its key. */
const RESOURCE_BYTES = 600;

/** Writes the resource of that number: 600 bytes, other ones at each time. */
export function putResource(number: number, revision: number): Operation {
  const name = `resource-${String(number).padStart(7, "0")}`;
  const generation = `01J0000000${String(revision).padStart(8, "0")}${String(number).padStart(8, "0")}`;
  const bytes = new Uint8Array(RESOURCE_BYTES);
  new TextEncoder().encodeInto(`${name} ${generation}`, bytes);
  return {
    kind: "put",
    key: { group: "bench", kind: "Resource", partition: "default", namespace: "default", name },
    record: {
      uid: `01J00000000000000${String(number).padStart(9, "0")}`,
      groupVersion: "v1",
      generation,
      marked: false,
      bytes,
    },
    preconditions: [],
  };
}
