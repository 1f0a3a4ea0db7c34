import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { album, artist, granting, stored } from "../test-support/fixture.ts";
import { createRest, type Rest } from "../test-support/rest.ts";

let rest: Rest;
beforeEach(() => {
  rest = createRest();
});
afterEach(() => rest.close());

const write = (name: string, metadata: Record<string, string> = {}) =>
  rest.rpc.write({ resource: artist(name, { metadata }) });
const namesOf = (resources: readonly { id: { name: string } }[]) => resources.map(({ id }) => id.name);
const list = async (query = "") => {
  const { status, json } = await rest.send(`GET /v2/artist${query}`);
  expect(status).toBe(200);
  return namesOf(json.resources);
};

describe("GET of a type", () => {
  it("T524: lists what there is, each as a GET shows it, with the version of the list", async () => {
    for (const name of ["muse", "korn"]) await write(name);
    const { status, headers, json } = await rest.send("GET /v2/artist");
    expect([status, namesOf(json.resources)]).toEqual([200, ["korn", "muse"]]);
    expect(json.resources[0]).toEqual((await rest.send("GET /v2/artist/korn")).json);
    expect([json.version, json.nextPageToken]).toEqual([headers.get("trellis-version"), undefined]);
  });

  it("T525: lists nothing where there is nothing", async () => {
    expect(await list()).toEqual([]);
  });

  it("T526, T527: lists by prefix", async () => {
    for (const name of ["steve-1", "bob"]) await write(name);
    expect(await list("?name_prefix=xyz")).toEqual([]);
    expect(await list("?name_prefix=steve")).toEqual(["steve-1"]);
    expect((await rest.send("GET /v2/artist?name_prefix=Steve")).status).toBe(400);
  });

  it("lists by selector", async () => {
    await write("a", { team: "web" });
    await write("b", { team: "data" });
    expect(await list(`?selector=${encodeURIComponent("team in (web)")}`)).toEqual(["a"]);
    const { status, json } = await rest.send("GET /v2/artist?selector=a=(");
    expect([status, json.violations[0].field]).toEqual([400, "selector"]);
  });

  it("lists by tenancy", async () => {
    await write("korn");
    for (const query of ["?partition=default&namespace=default", "?ns=*", "?partition=*"])
      expect(await list(query)).toEqual(["korn"]);
    expect(await list("?partition=nowhere")).toEqual([]);
  });

  it("lists page by page", async () => {
    for (const name of ["a", "b", "c"]) await write(name);
    const first = await rest.send("GET /v2/artist?page_size=2");
    expect(namesOf(first.json.resources)).toEqual(["a", "b"]);
    await write("d");
    const second = await rest.send(`GET /v2/artist?page_size=2&page_token=${first.json.nextPageToken}`);
    expect([namesOf(second.json.resources), second.json.version]).toEqual([["c"], first.json.version]);
    const wrong = await rest.send("GET /v2/artist?page_token=nonsense");
    expect([wrong.status, wrong.json.reason]).toEqual([400, "INVALID_PAGE_TOKEN"]);
  });

  it("lists when ?watch says no", async () => {
    await write("korn");
    expect(await list("?watch=false")).toEqual(["korn"]);
  });

  it("T523: is denied without the right to list", async () => {
    const some = createRest({ authorizer: granting("read demo.v2.Artist") });
    const { status, json } = await some.send("GET /v2/artist");
    expect([status, json.reason]).toEqual([403, "PERMISSION_DENIED"]);
    await some.close();
  });
});

describe("GET of what a resource owns", () => {
  it("lists what the present incarnation owns, of all types, page by page", async () => {
    const { id: owner } = await stored(write("korn"));
    for (const name of ["a", "b"]) await rest.rpc.write({ resource: album(name, { owner }) });
    await rest.rpc.write({ resource: artist("child", { owner }) });
    const { json: all } = await rest.send("GET /v2/artist/korn/owned");
    expect(namesOf(all.resources)).toEqual(["a", "b", "child"]);
    const { json: first } = await rest.send("GET /v2/artist/korn/owned?page_size=2");
    const next = await rest.send(`GET /v2/artist/korn/owned?page_token=${first.nextPageToken}`);
    expect(namesOf(next.json.resources)).toEqual(["child"]);
  });

  it("lists what an earlier incarnation owned, by its uid", async () => {
    const { id: owner } = await stored(write("korn"));
    await rest.rpc.write({ resource: album("issues", { owner }) });
    await rest.rpc.delete({ id: owner });
    expect((await rest.send("GET /v2/artist/korn/owned")).status).toBe(404);
    const { json } = await rest.send(`GET /v2/artist/korn/owned?uid=${owner.uid}`);
    expect(namesOf(json.resources)).toEqual(["issues"]);
  });
});
