import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Code, ConnectError } from "@connectrpc/connect";
import { apiError } from "@trellis/resource";

import { artist } from "../test-support/fixture.ts";
import { createRest, type Rest } from "../test-support/rest.ts";

let rest: Rest;
beforeEach(() => {
  rest = createRest();
});
afterEach(() => rest.close());

describe("a path", () => {
  it.each([
    ["/v2/artist/", "ROUTE_NOT_FOUND"],
    ["/v2", "ROUTE_NOT_FOUND"],
    ["/v2/artist/korn/x", "ROUTE_NOT_FOUND"],
    ["/v2/artist/korn/status", "ROUTE_NOT_FOUND"],
    ["/v2/artist/korn/status/", "ROUTE_NOT_FOUND"],
    ["/v2/artist/korn/status/a/b", "ROUTE_NOT_FOUND"],
    ["/v2/artist/korn/owned/x", "ROUTE_NOT_FOUND"],
    ["/v2/nothing", "TYPE_NOT_REGISTERED"],
    ["/v3/artist/korn", "TYPE_NOT_REGISTERED"],
  ])("%s that names nothing is 404", async (path, reason) => {
    for (const method of ["GET", "PUT"]) {
      const { status, json } = await rest.send(`${method} ${path}`, { body: {} });
      expect([status, json.status, json.reason]).toEqual([404, 404, reason]);
    }
  });

  it("that is not percent-encoded UTF-8 is refused", async () => {
    for (const path of ["/v2/artist/%zz", "/v2/artist/%ff"]) {
      const { status, json } = await rest.send(`GET ${path}`);
      expect([status, json.reason, json.violations[0].field]).toEqual([400, "MALFORMED_REQUEST", "path"]);
    }
  });
});

describe("a verb", () => {
  it.each([
    ["PUT", "/v2/artist", "GET, HEAD, OPTIONS"],
    ["DELETE", "/v2/artist", "GET, HEAD, OPTIONS"],
    ["POST", "/v2/artist/korn", "GET, PUT, DELETE, HEAD, OPTIONS"],
    ["PATCH", "/v2/artist/korn", "GET, PUT, DELETE, HEAD, OPTIONS"],
    ["PUT", "/v2/artist/korn/owned", "GET, HEAD, OPTIONS"],
    ["GET", "/v2/artist/korn/status/x", "PUT, DELETE, OPTIONS"],
    ["toString", "/v2/artist/korn", "GET, PUT, DELETE, HEAD, OPTIONS"],
  ])(
    "T522: that a route does not take is 405 and told which it takes: %s %s",
    async (method, path, allow) => {
      const { status, headers, json } = await rest.send(`${method} ${path}`, { body: {} });
      expect([status, json.reason, headers.get("allow")]).toEqual([405, "METHOD_NOT_ALLOWED", allow]);
      const options = await rest.send(`OPTIONS ${path}`);
      expect([options.status, options.headers.get("allow"), options.text]).toEqual([204, allow, ""]);
    },
  );
});

describe("a query", () => {
  it.each([
    ["GET /v2/artist/korn?nmespace=x", "query.nmespace", "is not known here; known: partition"],
    ["GET /v2/artist/korn?uid=a&uid=b", "query.uid", "is given twice"],
    ["PUT /v2/artist/korn?dry_run=maybe", "query.dry_run", "must be true or false"],
    ["GET /v2/artist?page_size=-1", "query.page_size", "must be a whole number"],
    ["GET /v2/artist?page_size=9999999999", "query.page_size", "must be a whole number"],
    ["PUT /v2/artist/korn?version=", "query.version", "is empty"],
    ["DELETE /v2/artist/korn?uid=", "query.uid", "is empty"],
    ["GET /v2/artist?since=5", "query.since", "is not known here"],
    ["GET /v2/artist?watch&page_size=5", "query.page_size", "is not known here"],
    ["GET /v2/artist/korn?token=secret", "query.token", "credentials do not belong into a URL"],
    ["GET /v2/artist/korn?access_token=secret", "query.access_token", "credentials do not belong"],
    ["GET /v2/artist/korn/owned?name_prefix=a", "query.name_prefix", "is not known here"],
    ["PUT /v2/artist/korn/status/x?selector=a", "query.selector", "is not known here"],
  ])("that cannot be meant is refused: %s", async (request, field, words) => {
    const { status, json } = await rest.send(request, { body: {} });
    expect([status, json.reason, json.violations[0].field]).toEqual([400, "INVALID_REQUEST", field]);
    expect(json.violations[0].description).toContain(words);
    expect(json.detail).not.toContain("secret");
  });
});

describe("an answer", () => {
  it("carries the position of the store, whatever went wrong", async () => {
    const { storeId, version } = rest.backend.position();
    for (const request of [
      "GET /v2/artist",
      "GET /v2/artist/absent",
      "GET /v2/nothing",
      "POST /v2/artist",
      "OPTIONS /v2/artist",
      "PUT /v2/artist/korn",
      "GET /v2/artist?x=y",
    ]) {
      const { headers } = await rest.send(request);
      expect([request, headers.get("trellis-store"), headers.get("trellis-version")]).toEqual([
        request,
        storeId,
        String(version),
      ]);
    }
  });

  it("waits for the version that the request asks for, as long as it may take", async () => {
    const { storeId, version } = rest.backend.position();
    const headers = { "trellis-store": storeId, "trellis-min-version": String(version + 1) };
    const waiting = rest.send("GET /v2/artist", { headers });
    await rest.rpc.write({ resource: artist() });
    expect((await waiting).json.resources).toHaveLength(1);
    const late = { "trellis-min-version": String(version + 1_000), "trellis-timeout-ms": "20" };
    const answer = await rest.send("GET /v2/artist", { headers: late });
    expect([answer.status, answer.json.reason]).toEqual([503, "VERSION_NOT_REACHED"]);
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  it("refuses a time limit that is none", async () => {
    const { status, json } = await rest.send("GET /v2/artist", { headers: { "trellis-timeout-ms": "soon" } });
    expect([status, json.violations[0].field]).toEqual([400, "header trellis-timeout-ms"]);
  });

  it("to a body that the server does not take is the server's, and says that nothing was applied", async () => {
    const body = apiError({ reason: "REQUEST_TOO_LARGE", message: "larger than 4 MiB" });
    const { status, json } = await rest.send("PUT /v2/artist/korn", { body });
    expect([status, json.reason, json.metadata.applied]).toEqual([413, "REQUEST_TOO_LARGE", "no"]);
  });

  it("to what is no error of the API is left to the server", async () => {
    for (const body of [new Error("broken"), new ConnectError("broken", Code.Internal)])
      await expect(rest.send("PUT /v2/artist/korn", { body })).rejects.toBe(body);
  });
});
