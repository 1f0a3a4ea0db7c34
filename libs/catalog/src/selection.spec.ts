import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WorkloadSelectorSchema } from "@trellis/protos/trellis/catalog/v1/selector_pb";
import { SelectorError } from "@trellis/resource";
import { describe, expect, it } from "@jest/globals";

import { isSelective, selectWorkloads } from "./selection.ts";

const workloads = [
  { id: { name: "api-1" }, metadata: { team: "web" } },
  { id: { name: "api-2" }, metadata: { team: "web", canary: "yes" } },
  { id: { name: "api-10" }, metadata: {} },
  { id: { name: "db" }, metadata: { team: "data" } },
];

function selected(init: MessageInitShape<typeof WorkloadSelectorSchema>): readonly string[] {
  const candidates = {
    byName: (name: string) => workloads.find(({ id }) => id.name === name),
    byPrefix: (prefix: string) => workloads.filter(({ id }) => id.name.startsWith(prefix)),
  };
  return selectWorkloads(create(WorkloadSelectorSchema, init), candidates).map(({ id }) => id.name);
}

function failureOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a selector", () => {
  it("chooses by exact name; a name that does not exist chooses nothing", () => {
    expect(selected({ names: ["db", "api"] })).toEqual(["db"]);
  });

  it("chooses by prefix, in order of name", () => {
    expect(selected({ prefixes: ["api-"] })).toEqual(["api-1", "api-10", "api-2"]);
  });

  it("chooses everything by the empty prefix", () => {
    expect(selected({ prefixes: [""] })).toHaveLength(workloads.length);
  });

  it("chooses each workload once, however many of its terms match", () => {
    expect(selected({ names: ["api-1", "db", "api-1"], prefixes: ["a", "api-1"] })).toEqual([
      "api-1",
      "api-10",
      "api-2",
      "db",
    ]);
  });

  it("leaves out what its filter does not let pass, by name as by prefix", () => {
    expect(selected({ prefixes: ["api-"], filter: "team=web,!canary" })).toEqual(["api-1"]);
    expect(selected({ names: ["db", "api-1"], filter: "team in (data)" })).toEqual(["db"]);
  });

  it("refuses a filter that it cannot read, saying where", () => {
    const refusal = failureOf(() => selected({ prefixes: [""], filter: "team=web,," }));
    expect(SelectorError.is(refusal)).toBe(true);
  });

  it("chooses by nothing without a name and a prefix", () => {
    expect(isSelective(undefined)).toBe(false);
    expect(isSelective(create(WorkloadSelectorSchema))).toBe(false);
    expect(isSelective(create(WorkloadSelectorSchema, { prefixes: [""] }))).toBe(true);
    expect(isSelective(create(WorkloadSelectorSchema, { names: ["db"] }))).toBe(true);
  });
});
