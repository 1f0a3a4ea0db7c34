import { describe, expect, it } from "@jest/globals";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import { completeTenancy, defaultTenancy, type TenancyUnits } from "./tenancy.ts";

/** Reads `p.n`; a missing part is blank. */
function units(text: string): TenancyUnits {
  const [partition = "", namespace = ""] = text.split(".");
  return { partition, namespace };
}

const { CLUSTER, PARTITION, NAMESPACE } = Scope;

describe("the tenancy of something that another resource names (C252)", () => {
  it.each([
    ["T395", NAMESPACE, ".zim", "gir.gaz", "gir.zim"],
    ["T397", CLUSTER, "", undefined, ""],
    ["T398", PARTITION, "", undefined, "default"],
    ["T399", NAMESPACE, "", undefined, "default.default"],
    ["T400", CLUSTER, "foo.bar", undefined, ""],
    ["T401", PARTITION, "foo.bar", undefined, "foo"],
    ["T402", NAMESPACE, "foo.bar", undefined, "foo.bar"],
    ["T403", CLUSTER, "", "foo.bar", ""],
    ["T404", PARTITION, "", "foo.bar", "foo"],
    ["T405", NAMESPACE, "", "foo.bar", "foo.bar"],
    ["T406", CLUSTER, "zim", "foo.bar", ""],
    ["T407", PARTITION, "zim", "foo.bar", "zim"],
    ["T408", NAMESPACE, "zim", "foo.bar", "zim.default"],
    ["T409", CLUSTER, ".gir", "foo.bar", ""],
    ["T410", PARTITION, ".gir", "foo.bar", "foo"],
    ["T411", NAMESPACE, ".gir", "foo.bar", "foo.gir"],
    ["T412", CLUSTER, "foo.bar", "zim.gir", ""],
    ["T413", PARTITION, "foo.bar", "zim.gir", "foo"],
    ["T414", NAMESPACE, "foo.bar", "zim.gir", "foo.bar"],
  ])("%s: scope %i, %j of a parent in %j is %j", (_, scope, item, parent, expected) => {
    const parentUnits = parent === undefined ? undefined : units(parent);
    expect(completeTenancy(units(item), parentUnits, defaultTenancy(scope))).toEqual(units(expected));
  });

  it("T396: is the parent's when it is absent", () => {
    expect(completeTenancy(undefined, units("gir.gaz"), defaultTenancy(NAMESPACE))).toEqual(units("gir.gaz"));
  });
});
