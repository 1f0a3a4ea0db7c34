import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { readAnswer } from "./answer.ts";
import { protocols } from "./protocols.ts";
import { createChoices } from "./random.ts";
import { fuzzProtocol } from "./run.ts";
import { createTally } from "./tally.ts";
import { faultsOf } from "./verdict.ts";

/** A few hundred; `npm run fuzz` sends ten thousand. */
const REQUESTS = 300;
const TIMEOUT_MS = 60_000;

describe("hostile requests to a gateway", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startGateway({ domains: ["@trellis/demo"], inspect: true });
  });
  afterAll(async () => {
    await server?.stop();
  });

  it.each(protocols.map((protocol) => [protocol.name, protocol] as const))(
    "over %s are answered, hold nothing and disturb nobody",
    async (_, protocol) => {
      const result = await fuzzProtocol(server, protocol, { requests: REQUESTS, seed: 1 });
      expect(faultsOf(result)).toEqual([]);
      // Both kinds of answers came: the requests are neither all broken nor all right.
      expect(result.answers["200"]).toBeGreaterThan(0);
      expect(Object.values(result.answers).reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
    },
    TIMEOUT_MS,
  );
});

describe("a seed", () => {
  it.each(protocols.map((protocol) => [protocol.name, protocol] as const))(
    "gives the same requests again: %s",
    (_, { request }) => {
      const some = (seed: number) => {
        const choices = createChoices(seed);
        return Array.from({ length: 50 }, () => request(choices));
      };
      expect(some(7)).toEqual(some(7));
      expect(some(7)).not.toEqual(some(8));
    },
  );
});

describe("an answer", () => {
  const grpc = { "content-type": "application/grpc+proto" };
  const json = { "content-type": "application/json" };
  const problem = { "content-type": "application/problem+json" };

  it.each([
    ["a refusal of Connect", 400, json, '{"code":"invalid_argument"}'],
    ["a problem", 404, problem, '{"reason":"RESOURCE_NOT_FOUND"}'],
    ["a gRPC error that blames the client", 200, { ...grpc, "grpc-status": "3" }, ""],
    ["a gRPC-Web trailer", 200, { "content-type": "application/grpc-web+proto" }, "\x80grpc-status: 0\r\n"],
    ["a method that is not there", 501, json, '{"code":"unimplemented"}'],
    ["a success", 200, { "content-type": "application/proto" }, "x"],
  ])("is right: %s", (_, status, headers, body) => {
    expect(readAnswer(status, headers, Buffer.from(body, "latin1"))).toMatchObject({ fault: undefined });
  });

  it.each([
    ["HTTP 500", 500, json, '{"code":"internal"}'],
    ["HTTP 502", 502, {}, ""],
    ["Connect's unknown", 400, json, '{"code":"unknown"}'],
    ["a problem that blames the server", 500, problem, '{"reason":"INTERNAL"}'],
    ["gRPC's internal", 200, { ...grpc, "grpc-status": "13" }, ""],
    ["gRPC's unknown", 200, { ...grpc, "grpc-status": "2" }, ""],
    ["gRPC-Web's internal", 200, { "content-type": "application/grpc-web+proto" }, "\x80grpc-status: 13\r\n"],
    ["gRPC without a status", 200, grpc, ""],
    ["a refusal that says nothing", 400, {}, ""],
  ])("is wrong: %s", (_, status, headers, body) => {
    const answer = readAnswer(status, headers, Buffer.from(body, "latin1"));
    expect(answer).toMatchObject({ fault: expect.any(String) });
  });

  it("that is wrong, missing or late is told with its request", () => {
    const tally = createTally();
    const request = protocols[0]?.request(createChoices(1));
    if (request === undefined) throw new Error("there are protocols");
    tally.note(1, request, { kind: "left" });
    tally.note(2, request, { kind: "answered", status: 500, code: undefined, fault: "HTTP 500" });
    for (const kind of ["cut", "hung", "kept"] as const) tally.note(3, request, { kind });
    const { answers, faultCount, faults } = tally.counts();
    expect({ answers, faultCount }).toEqual({
      answers: { left: 1, "500": 1, cut: 1, hung: 1, kept: 1 },
      faultCount: 4,
    });
    expect(faults[0]).toMatch(/^request 2, HTTP\/1 POST \/trellis\..*: HTTP 500$/s);
  });
});
