import { describe, expect, it } from "@jest/globals";

import { serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();

describe("trellis explain", () => {
  it("shows a type's description, its rules, and its fields with theirs", async () => {
    const { trellis } = setup();
    expect(await trellis("explain svc")).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: [
        "Service  catalog.v1.Service",
        "",
        "  Lives in a namespace. Short: svc.",
        "",
        "  A name that clients call, and the workloads that answer it.",
        "",
        "Rules",
        "  • at most one port may have the protocol MESH",
        "  • each target_port may be used once",
        "  • each virtual_port but 0 may be used once",
        "",
        "Fields",
        "  workloads   WorkloadSelector",
        "      Who answers. Without one the endpoints are written by hand.",
        "  ports       list of ServicePort",
        "  virtualIps  list of string",
        "      • each: an IP address",
        "",
      ].join("\n"),
    });
  });

  it.each([
    "service.ports.targetPort",
    "service.ports.target_port",
    "service.data.ports[0].targetPort",
    "catalog.v1.Service.ports.targetPort",
    "CATALOG.V1.SERVICE.ports.targetPort",
  ])("finds the field %s below lists", async (path) => {
    const { trellis } = setup();
    expect((await trellis(`explain ${path}`)).stdout).toBe(
      [
        "service.ports.targetPort  string",
        "",
        "  The name of the workloads' port.",
        "",
        "Rules",
        "  • must be at most 15 letters, digits and single inner dashes, with a letter",
        "    among them",
        "",
      ].join("\n"),
    );
  });

  it("shows what a list's items are made of, and what an enum may be", async () => {
    const { trellis } = setup();
    const ports = (await trellis("explain service.ports")).stdout;
    expect(ports).toMatch(
      /^service\.ports {2}list of ServicePort\n\nServicePort\n {2}A port of a service\.\n/,
    );
    expect(ports).toContain(
      "\n  virtualPort  uint32\n      The port that clients use; 0 for none.\n      • at most 65535\n",
    );
    const protocol = (await trellis("explain service.ports.protocol")).stdout;
    expect(protocol).toMatch(/\nRules\n {2}• one of the named values\n\nValues\n {2}PROTOCOL_UNSPECIFIED\n/);
    expect(protocol).toMatch(/\n {2}PROTOCOL_MESH\n {6}The port where .+\n$/);
  });

  it("goes through maps, with the key or without", async () => {
    const { trellis } = setup();
    const { stdout } = await trellis("explain workload.ports.port");
    expect(stdout).toMatch(/^workload\.ports\.port {2}uint32\n/);
    expect(await trellis(["explain", 'workload.ports["http"].port'])).toMatchObject({ stdout });
    expect((await trellis("explain workload")).stdout).toMatch(
      /\n {2}ports +map of string to WorkloadPort\n/,
    );
  });

  it("is laid out for the terminal, and painted there", async () => {
    const { server } = setup();
    const narrow = createTerminal(server.transport, { columns: 40 });
    const lines = (await narrow("explain service.ports")).stdout.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    const coloured = createTerminal(server.transport, { colour: true });
    expect((await coloured("explain service")).stdout).toContain(
      "\u001B[1mService\u001B[22m  \u001B[36mcatalog.v1.Service\u001B[39m\n",
    );
  });

  it.each([
    [
      "explain service.prots",
      'Service has no field "prots"\nDid you mean "ports"? It has workloads, ports, virtualIps.',
    ],
    [
      "explain service.ports.target",
      'Service.ports has no field "target"\nDid you mean "targetPort"? It has virtualPort, targetPort, protocol.',
    ],
    [
      "explain service.virtualIps.x",
      'Service.virtualIps has no field "x"\nIt is of the type list of string, which has no fields.',
    ],
    [
      "explain service.a..b",
      '".a..b" is not the path of a field\nWrite KIND.field.field, as in service.ports.',
    ],
    [
      "explain servce.ports",
      'the server knows no type "servce"\nDid you mean "service" or "services"? See "trellis types".',
    ],
    [
      "explain catalog.v1.Servce.ports",
      'the server knows no type "catalog.v1.Servce"\nDid you mean "catalog.v1.Service"? See "trellis types".',
    ],
    [
      "explain artist.name",
      '"artist" may be demo.v1.Artist or demo.v2.Artist\nName one of them in full, as in "demo.v1.Artist".',
    ],
  ])("%s is refused", async (command, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
  });
});
