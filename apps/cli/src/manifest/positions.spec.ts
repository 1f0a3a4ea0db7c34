import { describe, expect, it } from "@jest/globals";

import { placeOf } from "./document.ts";
import { parseManifests } from "./parse.ts";
import { locateField } from "./positions.ts";

function locate(text: string, field: string): string {
  const [manifest] = parseManifests("m.yaml", text).manifests;
  if (manifest === undefined) throw new Error("the text holds no manifest");
  const { offset, path } = locateField(manifest, field);
  const { line, column } = placeOf(manifest, offset);
  return `${line}:${column} ${path}`;
}

const OWN = `type: catalog.v1.Service
name: api
owner: {type: catalog.v1.Service, name: boss}
metadata: {team: web}
data:
  ports:
    - &first {virtualPort: 80, target_port: http}
    - *first
  virtual_ips: [10.0.0.1]
`;
const WIRE = `{"id": {"name": "api", "tenancy": {"namespace": "Shop"}},\n "data": {}}`;

describe("a violation's place", () => {
  it.each([
    ["resource.data.ports[0].target_port", "7:32 data.ports[0].targetPort"],
    ["data.ports[1].virtual_port", "7:15 data.ports[1].virtualPort"],
    ["ports[0].targetPort", "7:32 data.ports[0].targetPort"],
    ["data.virtualIps[0]", "9:17 data.virtualIps[0]"],
    ["resource.id.name", "2:1 name"],
    ["resource.owner.tenancy.namespace", "3:1 owner.namespace"],
    ["resource.owner", "3:1 owner"],
    ['resource.metadata["team"]', '4:12 metadata["team"]'],
  ])("of %s is %s", (field, place) => {
    expect(locate(OWN, field)).toBe(place);
  });

  it("of what is left out is its parent's", () => {
    expect(locate(OWN, "data.ports[0].protocol")).toBe("7:14 data.ports[0].protocol");
    expect(locate(OWN, "data.workloads.names")).toBe("5:1 data.workloads.names");
    expect(locate(OWN, "resource.id.tenancy.partition")).toBe("1:1 partition");
  });

  it("is found in the wire form too", () => {
    expect(locate(WIRE, "resource.id.tenancy.namespace")).toBe("1:36 id.tenancy.namespace");
  });

  it("is the manifest's beginning for words that name no field", () => {
    expect(locate(OWN, "the whole thing")).toBe("1:1 the whole thing");
  });
});
