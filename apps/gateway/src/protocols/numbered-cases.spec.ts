import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { type AlbumServer, startAlbumServer } from "../test-support/album-server.ts";

/**
 * The cases of the reference's plain HTTP that carry numbers, over a real socket. The paths and verbs are the reference's; where Trellis answers
 * otherwise (docs/DIVERGENCES.md), the test of that number asserts what Trellis does.
 */
let server: AlbumServer;
beforeEach(async () => {
  server = await startAlbumServer();
});
afterEach(() => server.stop());

const ALBUM = "/api/demo/v2/album/issues";
const ALBUMS = "/api/demo/v2/album";
const BODY = { metadata: { team: "web" }, data: { title: "Issues", tracks: ["Dead"] } };

const put = (path = ALBUM, body: unknown = BODY, token = "writer") =>
  server.send("PUT", path, { body, token });
const get = (path = ALBUM, token = "reader") => server.send("GET", path, { token });
const remove = (path = ALBUM, token = "writer") => server.send("DELETE", path, { token });
const fieldsOf = (json: { violations: { field: string }[] }) => json.violations.map(({ field }) => field);
const namesOf = (json: { resources: { id: { name: string } }[] }) => json.resources.map(({ id }) => id.name);

describe("HTTP: a request that is not one", () => {
  it("C255 a PUT without a name goes to no route; one with an illegal name is refused at its field", async () => {
    const nameless = await put(`${ALBUMS}/`);
    expect([nameless.status, nameless.json.reason]).toEqual([404, "ROUTE_NOT_FOUND"]);
    const illegal = await put(`${ALBUMS}/Issues`);
    expect([illegal.status, fieldsOf(illegal.json)]).toEqual([400, ["resource.id.name"]]);
    expect(illegal.json.detail).toContain("resource.id.name invalid");
  });

  it("C256 a PUT with an unknown field in the place of data is refused at that field", async () => {
    const { status, json } = await put(ALBUM, { metadata: {}, dada: BODY.data });
    expect([status, json.reason, fieldsOf(json)]).toEqual([400, "MALFORMED_REQUEST", ["dada"]]);
  });

  it("C257 a PUT with what is no JSON is refused", async () => {
    const { status, json } = await put(ALBUM, "data: {");
    expect([status, json.reason, fieldsOf(json)]).toEqual([400, "MALFORMED_REQUEST", ["body"]]);
    expect(json.detail).toContain("is not JSON");
  });

  it("C258 a DELETE without a name goes to no route; one with an illegal name is refused at its field", async () => {
    const nameless = await remove(`${ALBUMS}/`);
    expect([nameless.status, nameless.json.reason]).toEqual([404, "ROUTE_NOT_FOUND"]);
    const illegal = await remove(`${ALBUMS}/Issues`);
    expect([illegal.status, fieldsOf(illegal.json)]).toEqual([400, ["id.name"]]);
    expect(illegal.json.detail).toContain("id.name invalid");
  });
});

describe("HTTP: a PUT", () => {
  it("C259 is forbidden to who may only read", async () => {
    const { status, json } = await put(ALBUM, BODY, "reader");
    expect([status, json.reason, json.metadata.applied]).toEqual([403, "PERMISSION_DENIED", "no"]);
    expect((await get()).status).toBe(404);
  });

  it("C260 answers what it wrote, and the service has it", async () => {
    const { status, headers, json } = await put();
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(json).toMatchObject({ id: { name: "issues", type: { kind: "Album" } }, ...BODY });
    const stored = await server.read("issues");
    expect(stored).toMatchObject({
      version: json.version,
      generation: json.generation,
      metadata: BODY.metadata,
    });
    expect(stored?.id?.uid).toBe(json.id.uid);
  });

  it("C261 with the present version changes the resource", async () => {
    const { version } = (await put()).json;
    const changed = await put(`${ALBUM}?version=${version}`, { ...BODY, data: { title: "Untouchables" } });
    expect([changed.status, changed.json.data]).toEqual([200, { title: "Untouchables" }]);
    expect(changed.json.version).not.toBe(version);
  });

  it("C262 with another version is a conflict", async () => {
    const { version } = (await put()).json;
    await put(ALBUM, { data: { title: "Untouchables" } });
    const { status, json } = await put(`${ALBUM}?version=${version}`);
    expect([status, json.code, json.reason]).toEqual([409, "aborted", "VERSION_MISMATCH"]);
    expect((await server.read("issues"))?.version).toBe(json.metadata.current_version);
  });

  it("C263 takes an owner with its keys in snake_case, and stores it", async () => {
    const owner = (await put(`${ALBUMS}/owner`)).json.id;
    const { type, ...rest } = owner;
    const snake = { ...rest, type: { group: type.group, group_version: type.groupVersion, kind: type.kind } };
    const { status, json } = await put(ALBUM, { ...BODY, owner: snake });
    expect([status, json.owner]).toEqual([200, owner]);
    expect((await server.read("issues"))?.owner?.uid).toBe(owner.uid);
  });
});

describe("HTTP: a GET", () => {
  it("C264 answers the same as the PUT did", async () => {
    const written = await put();
    const read = await get();
    expect([read.status, read.json]).toEqual([200, written.json]);
  });

  it("C265 of what is not there is 404", async () => {
    const { status, headers, json } = await get();
    expect([status, json.reason]).toEqual([404, "RESOURCE_NOT_FOUND"]);
    expect(headers.get("content-type")).toBe("application/problem+json");
  });

  it("C266 is forbidden to who may do nothing", async () => {
    await put();
    const { status, json } = await get(ALBUM, "nobody");
    expect([status, json.reason]).toEqual([403, "PERMISSION_DENIED"]);
  });
});

describe("HTTP: a DELETE", () => {
  it("C267 is forbidden to who may only read", async () => {
    await put();
    const { status, json } = await remove(ALBUM, "reader");
    expect([status, json.reason]).toEqual([403, "PERMISSION_DENIED"]);
    expect((await get()).status).toBe(200);
  });

  it("C268 answers 204 without a body, and the service has it no more", async () => {
    await put();
    const { status, headers, text } = await remove();
    expect([status, text, headers.get("trellis-outcome")]).toEqual([204, "", "deleted"]);
    expect(await server.read("issues")).toBeUndefined();
  });

  it("C269 compares the version that it is given: an old one is a conflict, the present one ends the resource", async () => {
    const { version: old } = (await put()).json;
    const { version } = (await put(ALBUM, { data: { title: "Untouchables" } })).json;
    for (const stale of ["1", old]) {
      const { status, json } = await remove(`${ALBUM}?version=${stale}`);
      expect([status, json.reason]).toEqual([409, "VERSION_MISMATCH"]);
    }
    expect((await get()).status).toBe(200);
    expect((await remove(`${ALBUM}?version=${version}`)).status).toBe(204);
    expect((await get()).status).toBe(404);
  });
});

describe("HTTP: a list", () => {
  it("C270 takes no PUT", async () => {
    const { status, headers, json } = await put(ALBUMS);
    expect([status, json.reason, headers.get("allow")]).toEqual([
      405,
      "METHOD_NOT_ALLOWED",
      "GET, HEAD, OPTIONS",
    ]);
  });

  it("C271 is forbidden to who may not list", async () => {
    const { status, json } = await get(ALBUMS, "nobody");
    expect([status, json.reason]).toEqual([403, "PERMISSION_DENIED"]);
  });

  it("C272 of two has both, each as a GET shows it", async () => {
    for (const name of ["steve-1", "bob"]) await put(`${ALBUMS}/${name}`);
    const { status, json } = await get(ALBUMS);
    expect([status, namesOf(json)]).toEqual([200, ["bob", "steve-1"]]);
    for (const resource of json.resources)
      expect(resource).toEqual((await get(`${ALBUMS}/${resource.id.name}`)).json);
  });

  it("C273 of nothing is empty", async () => {
    const { status, json } = await get(ALBUMS);
    expect([status, json.resources]).toEqual([200, []]);
  });

  it("C274 by a prefix that no name has is empty", async () => {
    await put();
    const { status, json } = await get(`${ALBUMS}?name_prefix=xyz`);
    expect([status, json.resources]).toEqual([200, []]);
  });

  it("C275 by a prefix has what begins with it, and no other", async () => {
    for (const name of ["steve-1", "bob"]) await put(`${ALBUMS}/${name}`);
    const { status, json } = await get(`${ALBUMS}?name_prefix=steve`);
    expect([status, namesOf(json)]).toEqual([200, ["steve-1"]]);
  });
});
