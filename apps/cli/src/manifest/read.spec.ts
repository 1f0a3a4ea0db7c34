import { fromBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import { everyRegistry, everyType, testType } from "../test-support/every-kind.ts";
import { readText } from "../test-support/manifests.ts";

const types = [
  everyType,
  testType("test.v1.Owner", { messageName: "test.v1.Every" }),
  testType("test.v1.Rack", { messageName: "test.v1.Every", scope: Scope.PARTITION }),
  testType("test.v1.Site", { messageName: "test.v1.Every", scope: Scope.CLUSTER }),
  testType("other.v2.Every", { messageName: "test.v1.Every" }),
];
const read = (text: string, options = {}) => readText(text, { types, ...options });
const one = (text: string, options = {}) => {
  const { resources, problems } = read(text, options);
  expect(problems).toEqual([]);
  return resources[0];
};

describe("a manifest", () => {
  it("says type, name, tenancy, owner, metadata and data", () => {
    const resource = one(
      [
        "type: test.v1.Every",
        "name: api",
        "partition: west",
        "namespace: shop",
        "owner: {type: test.v1.Owner, name: boss}",
        "metadata: {team: web, 'on': 'yes'}",
        "data: {text: hello}",
      ].join("\n"),
    );
    expect(resource).toMatchObject({
      id: {
        type: { group: "test", groupVersion: "v1", kind: "Every" },
        name: "api",
        tenancy: { partition: "west", namespace: "shop" },
      },
      owner: { type: { kind: "Owner" }, name: "boss", tenancy: { partition: "west", namespace: "shop" } },
      metadata: { team: "web", on: "yes" },
      data: { typeUrl: "type.googleapis.com/test.v1.Every" },
    });
    const schema = everyRegistry.getMessage("test.v1.Every");
    if (schema === undefined || resource?.data === undefined) throw new Error("there is no payload");
    expect(toJson(schema, fromBinary(schema, resource.data.value))).toEqual({ text: "hello" });
  });

  it("may leave out data, or write nothing for it", () => {
    expect(one("type: test.v1.Every\nname: api\n")?.data?.value).toHaveLength(0);
    expect(one("type: test.v1.Every\nname: api\ndata:\nowner:\nmetadata: ~\n")?.data?.value).toHaveLength(0);
  });

  it("is not written with what get adds: uid, version, generation, status", () => {
    const text =
      'type: test.v1.Every\nname: api\nuid: 01ABC\nversion: "7"\ngeneration: g\nstatus: {a: {anything: 1}}\n';
    expect(one(text)).toMatchObject({ version: "", generation: "", status: {}, id: { uid: "" } });
  });

  it("is read in the wire form with id, in both letter cases", () => {
    const wire = (groupVersion: string) =>
      `id:\n  type: {group: test, ${groupVersion}: v1, kind: Every}\n  tenancy: {partition: west, namespace: shop}\n  name: api\n  uid: u\nversion: "3"\ndata: {"@type": type.googleapis.com/test.v1.Every, text: x}\n`;
    for (const text of [wire("groupVersion"), wire("group_version")])
      expect(one(text)?.id).toMatchObject({
        type: { groupVersion: "v1" },
        name: "api",
        uid: "",
        tenancy: { partition: "west", namespace: "shop" },
      });
  });

  it("is given the tenancy of -n and -p where it says none, as far as its scope has one", () => {
    const defaults = { partition: "west", namespace: "shop" };
    const tenancyOf = (text: string) => one(text, { defaults })?.id?.tenancy;
    expect(tenancyOf("type: test.v1.Every\nname: a\n")).toMatchObject(defaults);
    expect(tenancyOf("type: test.v1.Every\nname: a\nnamespace: own\n")).toMatchObject({
      partition: "west",
      namespace: "own",
    });
    expect(tenancyOf("type: test.v1.Every\nname: a\npartition: east\n")).toMatchObject({
      partition: "east",
      namespace: "",
    });
    expect(tenancyOf("type: test.v1.Rack\nname: a\n")).toMatchObject({ partition: "west", namespace: "" });
    expect(tenancyOf("type: test.v1.Site\nname: a\n")).toMatchObject({ partition: "", namespace: "" });
  });

  it("may say its payload as bytes, as get shows what it cannot read", () => {
    const resource = one(
      'type: test.v1.Every\nname: a\ndata: {"@type": type.googleapis.com/gone.v1.Thing, value: AQID}\n',
    );
    expect(resource?.data).toMatchObject({ typeUrl: "type.googleapis.com/gone.v1.Thing" });
    expect([...(resource?.data?.value ?? [])]).toEqual([1, 2, 3]);
  });

  it.each([
    ["name: a\n", '1:1 type: a type is missing: group.version.Kind, as in "catalog.v1.Service"'],
    ["type: test.v1.Every\n", "1:1 name: a name is missing"],
    [
      "type: Every\nname: a\n",
      '1:7 type: expected group.version.Kind, as in "catalog.v1.Service", found the string "Every"',
    ],
    [
      "type: test.v1.Evry\nname: a\n",
      "1:7 type: the server knows no type test.v1.Evry; did you mean test.v1.Every?",
    ],
    [
      "type: test.v2.every\nname: a\n",
      "1:7 type: the server knows no type test.v2.every; did you mean other.v2.Every or test.v1.Every?",
    ],
    ["type: far.v1.Away\nname: a\n", '1:7 type: the server knows no type far.v1.Away; see "trellis types"'],
    ["type: test.v1.Every\nname: 5\n", "2:7 name: expected a string in quotes, found the number 5"],
    ["type: test.v1.Every\nname: [a]\n", "2:7 name: expected a string, found a list"],
    [
      "type: test.v1.Every\nname: a\nmetadata: {on: true}\n",
      '3:16 metadata["on"]: expected a string in quotes, found true',
    ],
    [
      "type: test.v1.Every\nname: a\nmetadata: x\n",
      '3:11 metadata: expected a map to strings, found the string "x"',
    ],
    [
      "type: test.v1.Every\nname: a\nmetdata: {}\n",
      '3:1 metdata: there is no such field; did you mean "metadata"?',
    ],
    [
      "type: test.v1.Every\nname: a\nowner: {type: test.v1.Nobody, name: b}\n",
      '3:15 owner.type: the server knows no type test.v1.Nobody; see "trellis types"',
    ],
    [
      "type: test.v1.Every\nname: a\nowner: boss\n",
      '3:8 owner: expected a map with type and name, found the string "boss"',
    ],
    [
      "id: {type: {group: test, groupVersion: v1, knd: Every}, name: a}\n",
      '1:44 id.type.knd: there is no such field; did you mean "kind"?',
    ],
    [
      'type: test.v1.Every\nname: a\ndata: {"@type": other.v1.Thing, text: x}\n',
      '3:17 data.@type: expected test.v1.Every, found the string "other.v1.Thing"',
    ],
    ["type: test.v1.Every\nname: a\ndata: 5\n", "3:7 data: expected the fields of Every, found the number 5"],
  ])("is refused: %j", (text, problem) => {
    expect(read(text).problems.filter((line) => line.startsWith(problem.split(" ")[0] ?? ""))).toEqual([
      problem,
    ]);
  });

  it("has all its mistakes told, in the order of the text", () => {
    const text = "type: test.v1.Every\nnam: a\nmetadata: {a: 1}\ndata: {txt: x}\n";
    expect(read(text).problems.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "1:1 name:",
      "2:1 nam:",
      '3:15 metadata["a"]:',
      "4:8 data.txt:",
    ]);
  });

  it("has no half characters, which would be stored as others", () => {
    const text = 'type: test.v1.Every\nname: a\nmetadata: {a: "\\ud800"}\ndata: {text: "\\udc00"}\n';
    expect(read(text).problems.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      '3:15 metadata["a"]:',
      "4:14 data.text:",
    ]);
  });
});
