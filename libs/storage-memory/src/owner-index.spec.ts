import { describe, expect, it } from "@jest/globals";
import { type OwnerRef, type StoredRecord, toVersion } from "@trellis/storage";

import { OwnerIndex } from "./owner-index.ts";

const key = { group: "g", kind: "k", partition: "p", namespace: "n", name: "owned" };
const owner: OwnerRef = { key: { ...key, name: "owner" }, uid: "u" };

function record(of: OwnerRef | undefined): StoredRecord {
  return {
    key,
    uid: "a",
    groupVersion: "v1",
    generation: "g",
    owner: of,
    marked: false,
    bytes: new Uint8Array(),
    version: toVersion(1),
  };
}

describe("the owner index", () => {
  it("forgets what moved to another owner, lost its owner, or was deleted", () => {
    for (const next of [record({ ...owner, uid: "another" }), record(undefined), undefined]) {
      const index = new OwnerIndex();
      index.replace("owned", undefined, record(owner));
      expect([...index.ownedBy(owner)]).toEqual(["owned"]);
      index.replace("owned", record(owner), next);
      expect([...index.ownedBy(owner)]).toEqual([]);
    }
  });
});
