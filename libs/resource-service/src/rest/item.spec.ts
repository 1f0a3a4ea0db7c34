import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { Artist, artist, expectError, granting, id, label, stored } from "../test-support/fixture.ts";
import { createRest, type Rest } from "../test-support/rest.ts";

let rest: Rest;
beforeEach(() => {
  rest = createRest();
});
afterEach(() => rest.close());

const KORN = "/v2/artist/korn";
const body = { metadata: { team: "web" }, data: { name: "Korn", genre: "GENRE_METAL" } };
const put = (path: string, init: Parameters<Rest["send"]>[1] = {}) =>
  rest.send(`PUT ${path}`, { body, ...init });
const isGone = () =>
  expectError(rest.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");

describe("PUT of a resource", () => {
  it("T512: writes it, and shows what is stored without a type in its data", async () => {
    const { status, headers, json } = await put(KORN);
    const written = await stored(rest.rpc.read({ id: id(Artist, "korn") }));
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: { name: "korn", uid: written.id.uid, tenancy: { partition: "default", namespace: "default" } },
      version: written.version,
      generation: written.generation,
      ...body,
    });
    expect(json.data["@type"]).toBeUndefined();
    expect([headers.get("etag"), headers.get("trellis-outcome")]).toEqual([
      `"${written.version}"`,
      "created",
    ]);
    expect(headers.get("trellis-store")).toBe(rest.backend.position().storeId);
    expect(headers.get("trellis-version")).toBe(written.version);
  });

  it("tells what it did", async () => {
    await put(KORN);
    expect((await put(KORN)).headers.get("trellis-outcome")).toBe("unchanged");
    const other = { ...body, metadata: { finalizers: "f" } };
    expect((await put(KORN, { body: other })).headers.get("trellis-outcome")).toBe("updated");
    await rest.send(`DELETE ${KORN}`);
    const last = { ...body, metadata: { finalizers: "" } };
    expect((await put(KORN, { body: last })).headers.get("trellis-outcome")).toBe("deleted");
  });

  it("takes snake_case and camelCase, and prints camelCase", async () => {
    for (const data of [
      { title: "x", year_of_release: 1999 },
      { title: "x", yearOfRelease: 1999 },
    ])
      expect((await put("/v2/album/issues", { body: { data } })).json.data.yearOfRelease).toBe(1999);
  });

  it("takes null for what is left out, as proto3 JSON has it", async () => {
    const nothing = { id: null, owner: null, metadata: null, data: null };
    expect((await put("/v1/concept/jazz", { body: nothing })).status).toBe(200);
    const { status, json } = await put(KORN, { body: { ...nothing, data: body.data } });
    expect([status, json.owner, json.data]).toEqual([200, undefined, body.data]);
  });

  it("takes no data for a type that has none", async () => {
    const { status, json } = await put("/v1/concept/jazz", { body: {} });
    expect([status, json.data]).toEqual([200, undefined]);
  });

  it("T507: without a legal name is refused", async () => {
    const { status, json } = await put("/v2/artist/U2");
    expect([status, json.reason]).toEqual([400, "INVALID_REQUEST"]);
    expect(json.violations.map(({ field }: { field: string }) => field)).toEqual(["resource.id.name"]);
    expect((await put("/v2/artist/")).json).toMatchObject({ status: 404, reason: "ROUTE_NOT_FOUND" });
  });

  it.each([
    ["T508: an unknown field", { dada: {} }, "dada", "is not a field of a resource"],
    ["T508: an unknown field of data", { data: { nam: "x" } }, "data.nam", "is not a field of this message"],
    ["a field of another kind", { data: { genre: [] } }, "data.genre", "found []"],
    ["an unknown word", { data: { genre: "NOPE" } }, "data.genre", "GENRE_POP, GENRE_METAL, GENRE_PUNK"],
    ["an unknown word", { data: { genre: "NOPE" } }, "data.genre", 'found "NOPE"'],
    ["an entry of another kind", { data: { groupMembers: { x: 1 } } }, 'data.group_members["x"]', "got 1"],
    ["part of an owner", { owner: { type: { group: 1 } } }, "owner.type.group", "expected string, got 1"],
    ["data that is no object", { data: 7 }, "data", "must be an object, found a number"],
    [
      "data of another type",
      { data: { "@type": "x/acme.Other" } },
      "data.@type",
      "must be trellis.demo.v2.Artist",
    ],
    ["metadata that is no object", { metadata: [] }, "metadata", "found an array"],
    ["metadata that is no text", { metadata: { a: 1 } }, "metadata.a", "must be a string"],
    ["several faults at once", { dada: 1, data: { name: 1, nam: 2 } }, "data.nam", "is not a field"],
    ["another name", { id: { name: "muse" } }, "id", "must be what the path names"],
    [
      "another type",
      { id: { name: "korn", type: { group: "demo", groupVersion: "v1", kind: "Artist" } } },
      "id",
      "",
    ],
    ["an owner that cannot be read", { owner: { nam: "x" } }, "owner.nam", ""],
  ])("is refused for %s", async (_, wrong, field, words) => {
    const { status, json } = await put(KORN, { body: wrong });
    expect([status, json.reason]).toEqual([400, "MALFORMED_REQUEST"]);
    const found = json.violations.find((one: { field: string }) => one.field === field);
    expect(found?.description).toContain(words);
    expect(json.metadata).toEqual({ applied: "no" });
  });

  it.each([
    ["T509: no JSON", "{data:", "is not JSON"],
    ["no body", "", "is missing"],
    ["no object", "[1]", "must be a JSON object, found an array"],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff), "is not UTF-8"],
  ])("is refused for %s", async (_, wrong, words) => {
    const { status, json } = await put(KORN, { body: wrong });
    expect([status, json.reason, json.violations[0].field]).toEqual([400, "MALFORMED_REQUEST", "body"]);
    expect(json.detail).toContain(words);
  });

  it.each([
    ["a key that stands twice", '{"metadata":{"a":"1","a":"2"}}', "metadata.a", "is given twice"],
    ["half a character in metadata", String.raw`{"metadata":{"a":"\ud800"}}`, "metadata.a", "surrogate"],
    ["half a character in data", String.raw`{"data":{"name":"\ud800"}}`, "data.name", "surrogate"],
  ])("is refused for %s, which others read otherwise", async (_, wrong, field, words) => {
    const { status, json } = await put(KORN, { body: wrong });
    expect([status, json.reason, json.violations[0].field]).toEqual([400, "MALFORMED_REQUEST", field]);
    expect(json.violations[0].description).toContain(words);
    await isGone();
  });

  it("is refused for many faults without a search for them all", async () => {
    const wrong = { metadata: Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`k${at}`, at])) };
    const { status, json } = await put(KORN, { body: wrong });
    expect([status, json.violations.length]).toEqual([400, 100]);
    expect(json.detail).toContain("and at least 96 more");
  });

  it("is refused when its own id is another incarnation than the query names, or than there is", async () => {
    const { json } = await put(KORN);
    const other = "01JDE6XJ4Z8Q6Z0000000000AA";
    const own = (uid: string) => ({ ...body, id: { name: "korn", uid } });
    const unlike = await put(`${KORN}?uid=${json.id.uid}`, { body: own(other) });
    expect([unlike.status, unlike.json.violations[0].field]).toEqual([400, "id.uid"]);
    const [fromBody, fromQuery] = [await put(KORN, { body: own(other) }), await put(`${KORN}?uid=${other}`)];
    expect([fromBody.status, fromBody.json.reason]).toEqual([fromQuery.status, fromQuery.json.reason]);
    expect(fromBody.status).toBeGreaterThanOrEqual(400);
    expect((await put(KORN, { body: own(json.id.uid) })).status).toBe(200);
  });

  it("is refused for another content type", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const { status, headers: answered, json } = await put(KORN, { headers });
    expect([status, json.reason]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect(answered.get("accept")).toBe("application/json");
    for (const type of ["application/json; charset=utf-8", "application/merge-patch+json"])
      expect((await put(KORN, { headers: { "content-type": type } })).status).toBe(200);
  });

  it("is refused for what the type's rules refuse, naming the field", async () => {
    const { status, json } = await put(KORN, { body: { data: {} } });
    expect([status, json.reason]).toEqual([400, "INVALID_DATA"]);
    expect(json.violations[0].field).toBe("resource.data.name");
  });

  it("T513: with the current ?version writes", async () => {
    const { json } = await put(KORN);
    const changed = { ...body, data: { name: "KoЯn" } };
    const answer = await put(`${KORN}?version=${json.version}`, { body: changed });
    expect([answer.status, answer.json.data.name]).toEqual([200, "KoЯn"]);
  });

  it("T514: with another ?version is a conflict", async () => {
    const { json: first } = await put(KORN);
    for (const version of ["1", "nope"]) {
      const { status, json } = await put(`${KORN}?version=${version}`);
      expect([status, json.reason, json.code]).toEqual([409, "VERSION_MISMATCH", "aborted"]);
      expect(json.metadata).toEqual({ current_version: first.version, applied: "no" });
    }
  });

  it("T515: finds the owner's incarnation", async () => {
    const { json: owner } = await put(KORN);
    const { id: named } = owner;
    const owned = { data: { title: "Issues" }, owner: { type: named.type, name: "korn" } };
    const { status, json } = await put("/v2/album/issues", { body: owned });
    expect([status, json.owner]).toEqual([200, named]);
  });

  it("of what a GET showed goes back to where it came from", async () => {
    const tenancy = {
      state: () => ({ partition: "live", namespace: "live" }) as const,
      guards: () => [],
    };
    const other = createRest({ tenancy });
    await other.send(`PUT ${KORN}?namespace=team`, { body });
    const { json: shown, headers } = await other.send(`GET ${KORN}?namespace=team`);
    const answer = await other.send(`PUT ${KORN}`, { body: { ...shown, data: { name: "KoЯn" } } });
    expect([answer.json.id, answer.headers.get("trellis-outcome")]).toEqual([shown.id, "updated"]);
    expect(answer.headers.get("etag")).not.toBe(headers.get("etag"));
    const wrong = await other.send(`PUT ${KORN}?namespace=other`, { body: shown });
    expect([wrong.status, wrong.json.violations[0].field]).toEqual([400, "id.tenancy.namespace"]);
    await other.close();
  });

  it("stores nothing with ?dry_run", async () => {
    for (const query of ["dry_run", "dry_run=true", "dry_run=1"]) {
      const { status, headers } = await put(`${KORN}?${query}`);
      expect([status, headers.get("trellis-outcome"), headers.get("etag")]).toEqual([200, "created", null]);
    }
    await isGone();
    await put(KORN);
    const update = await put(`${KORN}?dry_run`, { body: { data: { name: "Corn" } } });
    expect([update.headers.get("trellis-outcome"), update.headers.get("etag")]).toEqual(["updated", null]);
  });

  it("T511: is denied without the right to write", async () => {
    const some = createRest({ authorizer: granting("read demo.v2.Artist") });
    const { status, json } = await some.send(`PUT ${KORN}`, { body });
    expect([status, json.reason, json.metadata.applied]).toEqual([403, "PERMISSION_DENIED", "no"]);
    await some.close();
  });
});

describe("the conditions of a PUT", () => {
  it("If-Match with the current version writes, with another one fails", async () => {
    const first = await put(KORN);
    const headers = { "if-match": first.headers.get("etag") ?? "" };
    const changed = { ...body, metadata: {} };
    expect((await put(KORN, { headers, body: changed })).status).toBe(200);
    const { status, json } = await put(KORN, { headers });
    expect([status, json.status, json.reason]).toEqual([412, 412, "VERSION_MISMATCH"]);
  });

  it("If-Match of anything only updates", async () => {
    const headers = { "if-match": "*" };
    const { status, json } = await put(KORN, { headers });
    expect([status, json.reason]).toEqual([412, "RESOURCE_NOT_FOUND"]);
    await put(KORN);
    expect((await put(KORN, { headers })).status).toBe(200);
  });

  it("If-Match of a version of what is not there fails", async () => {
    expect((await put(KORN, { headers: { "if-match": '"5"' } })).status).toBe(412);
  });

  it("If-None-Match of anything only creates", async () => {
    const headers = { "if-none-match": "*" };
    expect((await put(KORN, { headers })).status).toBe(200);
    const { status, json } = await put(KORN, { headers });
    expect([status, json.reason]).toEqual([412, "ALREADY_EXISTS"]);
    expect(json.detail).toContain("to replace it");
    expect(json.detail).not.toContain("MODE_CREATE");
  });

  it.each([
    [{ "if-none-match": '"5"' }, "header if-none-match"],
    [{ "if-match": "5" }, "header if-match"],
    [{ "if-match": '""' }, "header if-match"],
    [{ "if-match": '"5", "6"' }, "header if-match"],
    [{ "if-match": "*", "if-none-match": "*" }, "header if-match"],
  ])("%j are refused", async (headers, field) => {
    const { status, json } = await put(KORN, { headers: headers as Record<string, string> });
    expect([status, json.violations[0].field]).toEqual([400, field]);
  });

  it.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "a flag is no word that every object has: %s",
    async (word) => {
      for (const path of [`PUT ${KORN}?dry_run=${word}`, `DELETE ${KORN}?dry_run=${word}`]) {
        const { status, json } = await rest.send(path, { body });
        expect([status, json.violations[0].field]).toEqual([400, "query.dry_run"]);
      }
      const { status, json } = await rest.send(`GET /v2/artist?watch=${word}`);
      expect([status, json.violations[0].field]).toEqual([400, "query.watch"]);
      await isGone();
    },
  );

  it("are given once: not in a header and in the query", async () => {
    const { status, json } = await put(`${KORN}?version=5`, { headers: { "if-match": '"5"' } });
    expect([status, json.violations[0].field]).toEqual([400, "query.version"]);
  });
});

describe("GET of a resource", () => {
  it("T516: shows it as the PUT did, also when it asks for the newest", async () => {
    const { json } = await put(KORN);
    for (const headers of [{}, { "trellis-consistency": "strong" }])
      expect(await rest.send(`GET ${KORN}`, { headers })).toMatchObject({ status: 200, json });
  });

  it("finds the type in any case, and the name in its own", async () => {
    await put(KORN);
    expect((await rest.send("GET /V2/Artist/korn")).status).toBe(200);
  });

  it("finds nothing of another incarnation", async () => {
    const { json } = await put(KORN);
    expect((await rest.send(`GET ${KORN}?uid=${json.id.uid}`)).status).toBe(200);
    expect((await rest.send(`GET ${KORN}?uid=01JDE6XJ4Z8Q6Z0000000000AA`)).status).toBe(404);
  });

  it("answers 304 while its version is the one that the caller has", async () => {
    const etag = (await put(KORN)).headers.get("etag") ?? "";
    for (const tag of [etag, `"5", W/${etag}`, "*"]) {
      const { status, headers, text } = await rest.send(`GET ${KORN}`, { headers: { "if-none-match": tag } });
      expect([status, headers.get("etag"), text]).toEqual([304, etag, ""]);
    }
    expect((await rest.send(`GET ${KORN}`, { headers: { "if-none-match": '"5"' } })).status).toBe(200);
  });

  it("T517: of what is not there is a problem with the reason", async () => {
    const { status, headers, json } = await rest.send(`GET ${KORN}`);
    expect([status, headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(json).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: "resource not found: demo.v2.Artist default/default/korn",
      code: "not_found",
      reason: "RESOURCE_NOT_FOUND",
    });
    expect(headers.get("trellis-store")).toBe(rest.backend.position().storeId);
  });

  it("T518: is denied without the right to read", async () => {
    const some = createRest({ authorizer: granting() });
    expect((await some.send(`GET ${KORN}`)).status).toBe(403);
    await some.close();
  });

  it("shows a payload that it cannot read as bytes", async () => {
    await rest.rpc.write({ resource: artist() });
    const backend = rest.backend;
    const reading: typeof backend.read = async (key, options) => {
      const { record, position } = await backend.read(key, options);
      if (record === undefined) return { record, position };
      const broken = Buffer.from(
        Buffer.from(record.bytes).toString("latin1").replace("v2.Artist\x12", "v2.Nobody\x12"),
        "latin1",
      );
      return { record: { ...record, bytes: broken }, position };
    };
    const other = createRest({ backend: { ...backend, read: reading, readNow: undefined } });
    const { json } = await other.send(`GET ${KORN}`);
    expect(json.data["@type"]).toContain("v2.Nobody");
    await other.close();
  });

  it("HEAD is the same without a body", async () => {
    await put(KORN);
    const { status, headers, text } = await rest.send(`HEAD ${KORN}`);
    expect([status, text]).toEqual([200, ""]);
    expect(headers.get("etag")).toBe((await rest.send(`GET ${KORN}`)).headers.get("etag"));
    expect((await rest.send("HEAD /v2/artist/absent")).status).toBe(404);
  });
});

describe("DELETE of a resource", () => {
  it("T520: ends it, and says so in a header", async () => {
    await put(KORN);
    const { status, headers, text } = await rest.send(`DELETE ${KORN}`);
    expect([status, headers.get("trellis-outcome"), text]).toEqual([204, "deleted", ""]);
    await isGone();
    expect((await rest.send(`DELETE ${KORN}`)).headers.get("trellis-outcome")).toBe("absent");
  });

  it("marks what has finalizers", async () => {
    await put(KORN, { body: { ...body, metadata: { finalizers: "f" } } });
    expect((await rest.send(`DELETE ${KORN}`)).headers.get("trellis-outcome")).toBe("marked");
  });

  it("T521: compares the version that it is given", async () => {
    const { json } = await put(KORN);
    const wrong = await rest.send(`DELETE ${KORN}?version=1`);
    expect([wrong.status, wrong.json.reason]).toEqual([409, "VERSION_MISMATCH"]);
    expect((await rest.send(`DELETE ${KORN}`, { headers: { "if-match": '"1"' } })).status).toBe(412);
    expect((await rest.send(`DELETE ${KORN}?version=${json.version}`)).status).toBe(204);
    await isGone();
  });

  it("with If-Match of anything wants something to delete", async () => {
    const headers = { "if-match": "*" };
    expect((await rest.send(`DELETE ${KORN}`, { headers })).status).toBe(412);
    await put(KORN);
    expect((await rest.send(`DELETE ${KORN}`, { headers })).status).toBe(204);
    const none = await rest.send(`DELETE ${KORN}`, { headers: { "if-none-match": "*" } });
    expect(none.status).toBe(400);
  });

  it("with If-Match of a version wants something to delete, too", async () => {
    const { status, json } = await rest.send(`DELETE ${KORN}`, { headers: { "if-match": '"5"' } });
    expect([status, json.metadata]).toEqual([412, { applied: "no" }]);
    expect((await rest.send(`DELETE ${KORN}?version=5`)).status).toBe(204);
  });

  it("T510: without a legal name is refused", async () => {
    const { status, json } = await rest.send("DELETE /v2/artist/U2");
    expect([status, json.violations[0].field]).toEqual([400, "id.name"]);
    expect((await rest.send("DELETE /v2/artist/")).status).toBe(404);
  });

  it("T519: is denied without the right to write", async () => {
    const some = createRest({ authorizer: granting("read demo.v2.Artist") });
    expect((await some.send(`DELETE ${KORN}`)).status).toBe(403);
    await some.close();
  });
});

describe("the tenancy of a resource", () => {
  it("stands in the query", async () => {
    await rest.rpc.write({ resource: label() });
    for (const query of ["", "?partition=default"])
      expect((await rest.send(`GET /v1/recordlabel/looney-tunes${query}`)).status).toBe(200);
    await put(KORN);
    for (const query of ["?namespace=default", "?ns=default", "?partition=default&namespace=default"])
      expect((await rest.send(`GET ${KORN}${query}`)).status).toBe(200);
    const { status, json } = await rest.send(`GET ${KORN}?partition=nowhere`);
    expect([status, json.reason]).toEqual([404, "PARTITION_NOT_FOUND"]);
    const wrong = await rest.send("GET /v1/recordlabel/looney-tunes?ns=default");
    expect([wrong.status, wrong.json.reason]).toEqual([400, "WRONG_SCOPE"]);
  });
});
