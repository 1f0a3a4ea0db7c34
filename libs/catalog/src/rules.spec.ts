import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  Health,
  HealthStatusSchema,
  NodeHealthStatusSchema,
} from "@trellis/protos/trellis/catalog/v1/health_pb";
import { NodeSchema } from "@trellis/protos/trellis/catalog/v1/node_pb";
import { Protocol } from "@trellis/protos/trellis/catalog/v1/protocol_pb";
import { ServiceEndpointsSchema } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import { ServiceSchema } from "@trellis/protos/trellis/catalog/v1/service_pb";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { describe, expect, it } from "@jest/globals";

const validator = createValidator();

/** The ids of the rules that a payload breaks, as the server would find them. */
function broken<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): readonly string[] {
  const result = validator.validate(schema, create(schema, init));
  if (result.kind === "error") throw result.error;
  return (result.violations ?? []).map(({ ruleId }) => ruleId);
}

const ports = { http: { port: 8080 } };
const addresses = [{ host: "10.0.0.1" }];

describe("a workload", () => {
  const rules = (init: MessageInitShape<typeof WorkloadSchema>) =>
    broken(WorkloadSchema, { addresses, ports, ...init });

  it("is well with an address and a port", () => {
    expect(rules({})).toEqual([]);
  });

  it("needs an address and a port, and says both at once", () => {
    expect(rules({ addresses: [], ports: {} })).toEqual(["repeated.min_items", "map.min_pairs"]);
  });

  it.each(["http", "h2", "HTTP", "a-b-c", "123456789012a45"])("may call a port %s", (name) => {
    expect(rules({ ports: { [name]: { port: 1 } } })).toEqual([]);
  });

  it.each(["", "8080", "-http", "http-", "a--b", "http_1", "1234567890123456", "ab cd", "http\n"])(
    "may not call a port %j",
    (name) => {
      expect(rules({ ports: { [name]: { port: 1 } } })).toEqual(["port.name"]);
    },
  );

  it.each([
    [0, 1],
    [1, 0],
    [65_535, 0],
    [65_536, 1],
  ])("with port number %d breaks %d rules", (port, count) => {
    expect(rules({ ports: { http: { port } } })).toHaveLength(count);
  });

  it("has at most one MESH port, and an identity with it", () => {
    const mesh = { port: 20_000, protocol: Protocol.MESH };
    expect(rules({ ports: { mesh }, identity: "web" })).toEqual([]);
    expect(rules({ ports: { mesh } })).toEqual(["workload.mesh_identity"]);
    expect(rules({ ports: { mesh, mesh2: mesh }, identity: "web" })).toEqual(["workload.mesh_port"]);
  });

  it("has no protocol that does not exist", () => {
    expect(rules({ ports: { http: { port: 1, protocol: 99 as Protocol } } })).toEqual(["enum.defined_only"]);
  });

  it.each(["", "a", "a-b", "a_b", "a".repeat(64), "1a"])("may have identity and node %j", (label) => {
    expect(rules({ identity: label, nodeName: label })).toEqual([]);
  });

  it.each(["A", "-a", "a-", "_a", "a.b", "a".repeat(65), "a\n"])(
    "may not have identity or node %j",
    (label) => {
      expect(rules({ identity: label, nodeName: label })).toEqual(["dns.label", "dns.label"]);
    },
  );

  it("has no zone without a region", () => {
    expect(rules({ locality: { region: "eu", zone: "eu-1" } })).toEqual([]);
    expect(rules({ locality: { region: "eu" } })).toEqual([]);
    expect(rules({ locality: { zone: "eu-1" } })).toEqual(["locality.zone"]);
  });

  it.each([
    "10.0.0.1",
    "::1",
    "fe80::1",
    "db.internal",
    "a_b.c",
    "localhost",
    `${"a".repeat(64)}.b`,
    "unix:///run/api.sock",
  ])("is reached at %s", (host) => {
    expect(rules({ addresses: [{ host }] })).toEqual([]);
  });

  it.each([
    "",
    "10.0.0.1:80",
    "Upper.case",
    "a..b",
    ".a",
    "a.",
    "a b",
    `${"a".repeat(65)}.b`,
    "unix://",
    `unix:///${"a".repeat(101)}`,
    "http://a",
  ])("is not reached at %j", (host) => {
    expect(rules({ addresses: [{ host }] })).toEqual(["address.host"]);
  });

  it("is reached by names of at most 256 characters and sockets of at most 108", () => {
    const name = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(64)}`;
    expect(name).toHaveLength(256);
    expect(rules({ addresses: [{ host: name }] })).toEqual([]);
    expect(rules({ addresses: [{ host: `${name.slice(0, -2)}.dd` }] })).toEqual(["address.host"]);
    expect(rules({ addresses: [{ host: `unix://${"a".repeat(101)}` }] })).toEqual([]);
    expect(rules({ addresses: [{ host: `unix://${"a".repeat(102)}` }] })).toEqual(["address.host"]);
  });

  it("names in an address only ports that it has", () => {
    expect(rules({ addresses: [{ host: "10.0.0.1", ports: ["http"] }] })).toEqual([]);
    expect(rules({ addresses: [{ host: "10.0.0.1", ports: ["grpc"] }] })).toEqual(["workload.address_ports"]);
  });

  it("serves exactly one port on a socket", () => {
    const two = { http: { port: 1 }, grpc: { port: 2 } };
    const host = "unix:///run/api.sock";
    expect(rules({ addresses: [{ host, ports: ["http"] }], ports: two })).toEqual([]);
    expect(rules({ addresses: [{ host }], ports })).toEqual([]);
    expect(rules({ addresses: [{ host }], ports: two })).toEqual(["workload.socket_ports"]);
    expect(rules({ addresses: [{ host, ports: ["http", "grpc"] }], ports: two })).toEqual([
      "workload.socket_ports",
    ]);
  });

  it.each([
    [0, 0, 1],
    [1, 0, 0],
    [65_535, 65_535, 0],
    [65_536, 65_536, 2],
  ])("with DNS weights %d and %d breaks %d rules", (passing, warning, count) => {
    expect(rules({ dns: { weights: { passing, warning } } })).toHaveLength(count);
  });
});

describe("a service", () => {
  const rules = (init: MessageInitShape<typeof ServiceSchema>) => broken(ServiceSchema, init);

  it("is well without anything", () => {
    expect(rules({})).toEqual([]);
  });

  it("has at most one MESH port", () => {
    const mesh = (targetPort: string) => ({ targetPort, protocol: Protocol.MESH });
    expect(rules({ ports: [mesh("a")] })).toEqual([]);
    expect(rules({ ports: [mesh("a"), mesh("b")] })).toEqual(["service.mesh_port"]);
  });

  it("targets ports by name, each once", () => {
    expect(rules({ ports: [{ targetPort: "8080" }] })).toEqual(["port.name"]);
    expect(rules({ ports: [{}] })).toEqual(["port.name"]);
    expect(rules({ ports: [{ targetPort: "http" }, { targetPort: "http" }] })).toEqual([
      "service.target_ports",
    ]);
  });

  it("has each virtual port once, but 0 as often as it likes", () => {
    const port = (targetPort: string, virtualPort: number) => ({ targetPort, virtualPort });
    expect(rules({ ports: [port("a", 0), port("b", 0), port("c", 65_535)] })).toEqual([]);
    expect(rules({ ports: [port("a", 80), port("b", 80)] })).toEqual(["service.virtual_ports"]);
    expect(rules({ ports: [port("a", 65_536)] })).toEqual(["uint32.lte"]);
  });

  it("has IP addresses as virtual ones", () => {
    expect(rules({ virtualIps: ["10.1.0.1", "::1"] })).toEqual([]);
    expect(rules({ virtualIps: ["api.local"] })).toEqual(["string.ip"]);
  });

  it("selects by names that are not empty, and filters only what it selects", () => {
    expect(rules({ workloads: { names: ["a"], filter: "team=web" } })).toEqual([]);
    expect(rules({ workloads: { prefixes: [""], filter: "team=web" } })).toEqual([]);
    expect(rules({ workloads: { names: [""] } })).toEqual(["string.min_len"]);
    expect(rules({ workloads: { filter: "team=web" } })).toEqual(["selector.filter"]);
  });
});

describe("endpoints", () => {
  const rules = (endpoint: object) =>
    broken(ServiceEndpointsSchema, {
      endpoints: [{ addresses, ports, healthStatus: Health.PASSING, ...endpoint }],
    });

  it("are well with an address, valid ports and a health", () => {
    expect(rules({})).toEqual([]);
    expect(broken(ServiceEndpointsSchema, {})).toEqual([]);
  });

  it("need an address, valid ports and a health that is not ANY, and say all at once", () => {
    const ids = rules({ addresses: [], ports: { "8080": { port: 0 } }, healthStatus: Health.ANY });
    expect(ids.toSorted()).toEqual(["health.known", "port.name", "repeated.min_items", "uint32.gte_lte"]);
  });
});

describe.each([
  ["a check of a workload", HealthStatusSchema],
  ["a check of a node", NodeHealthStatusSchema],
])("%s", (_, schema) => {
  it("needs a type and a health that is not ANY", () => {
    expect(broken(schema, { type: "http", status: Health.MAINTENANCE })).toEqual([]);
    expect(broken(schema, {}).toSorted()).toEqual(["health.known", "required"]);
    expect(broken(schema, { type: "http", status: 9 as Health })).toEqual(["enum.defined_only"]);
  });
});

describe("a node", () => {
  it("is reached at an IP address or a DNS name", () => {
    expect(
      broken(NodeSchema, { addresses: [{ host: "10.0.0.1" }, { host: "n1.internal", external: true }] }),
    ).toEqual([]);
    expect(broken(NodeSchema, { addresses: [{ host: "unix:///x" }] })).toEqual(["node.host"]);
    expect(broken(NodeSchema, {})).toEqual(["repeated.min_items"]);
  });
});
