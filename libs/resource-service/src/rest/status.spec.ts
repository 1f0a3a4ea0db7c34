import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { artist, stored } from "../test-support/fixture.ts";
import { createRest, type Rest } from "../test-support/rest.ts";

let rest: Rest;
let korn: Resource & { id: ID };
beforeEach(async () => {
  rest = createRest();
  korn = await stored(rest.rpc.write({ resource: artist() }));
});
afterEach(() => rest.close());

const STATUS = "/v2/artist/korn/status/x.dev%2Fcontroller";
const put = (query = "", init: Parameters<Rest["send"]>[1] = {}) => {
  const body = { observedGeneration: korn.generation, conditions: [{ type: "Ready", state: "STATE_TRUE" }] };
  return rest.send(`PUT ${STATUS}${query}`, { body, ...init });
};

describe("PUT of a status", () => {
  it("writes it under its key, which is percent-encoded in the path", async () => {
    const { status, headers, json } = await put();
    expect([status, headers.get("etag"), json.generation]).toEqual([
      200,
      `"${json.version}"`,
      korn.generation,
    ]);
    expect(json.status["x.dev/controller"]).toMatchObject({
      observedGeneration: korn.generation,
      conditions: [{ type: "Ready", state: "STATE_TRUE" }],
    });
  });

  it("compares a version: 409 in the query, 412 in a header", async () => {
    const version = korn.version;
    expect((await put("?version=1")).status).toBe(409);
    expect((await put("", { headers: { "if-match": '"1"' } })).status).toBe(412);
    expect((await put(`?version=${version}`, { headers: { "if-match": `"${version}"` } })).status).toBe(400);
    expect((await put("", { headers: { "if-match": `"${version}"` } })).status).toBe(200);
  });

  it("pins an incarnation with ?uid", async () => {
    expect((await put(`?uid=${korn.id.uid}`)).status).toBe(200);
    const { status, json } = await put("?uid=01JDE6XJ4Z8Q6Z0000000000AA");
    expect([status, json.reason]).toEqual([404, "RESOURCE_NOT_FOUND"]);
  });

  it("of what is not there is 404, or 412 when it must be there", async () => {
    await rest.rpc.delete({ id: korn.id });
    const { status, json } = await put();
    expect([status, json.reason, json.metadata.applied]).toEqual([404, "RESOURCE_NOT_FOUND", "no"]);
    expect((await put("", { headers: { "if-match": "*" } })).status).toBe(412);
  });

  it("knows what is there although its server has not heard of it yet", async () => {
    const { backend } = rest;
    const stale: typeof backend.read = async (key, options) =>
      options?.consistency === "strong"
        ? await backend.read(key, options)
        : { record: undefined, position: backend.position() };
    const late = createRest({ backend: { ...backend, read: stale, readNow: undefined } });
    const body = { observedGeneration: korn.generation };
    expect((await late.send(`PUT ${STATUS}`, { body })).status).toBe(200);
    await late.close();
  });

  it("stores nothing with ?dry_run", async () => {
    const { headers, json } = await put("?dry_run");
    expect([json.status["x.dev/controller"], headers.get("etag")]).toEqual([expect.anything(), null]);
    expect((await stored(rest.rpc.read({ id: korn.id }))).status).toEqual({});
  });

  it.each([
    [{ conditions: [{ tpe: "x" }] }, "status.conditions[0].tpe", "MALFORMED_REQUEST"],
    [{ conditions: [{ state: "x" }] }, "status.conditions[0].state", "MALFORMED_REQUEST"],
    [{}, "status.observed_generation", "INVALID_REQUEST"],
  ])("is refused for %j", async (body, field, reason) => {
    const { status, json } = await put("", { body });
    expect([status, json.reason, json.violations[0].field]).toEqual([400, reason, field]);
  });

  it("is refused with a condition that means nothing here", async () => {
    const { status, json } = await put("", { headers: { "if-none-match": "*" } });
    expect([status, json.violations[0].field]).toEqual([400, "header if-none-match"]);
  });
});

describe("DELETE of a status", () => {
  it("removes it, and succeeds when it is not there", async () => {
    await put();
    for (let times = 0; times < 2; times++) {
      const { status, json } = await rest.send(`DELETE ${STATUS}`);
      expect([status, json.status]).toEqual([200, undefined]);
    }
  });
});
