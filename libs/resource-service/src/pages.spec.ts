import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  album,
  artist,
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  resource,
  stored,
  typeMessage,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const artists = { type: typeMessage(Artist), tenancy: {} };

async function writeAll(names: readonly string[], { rpc } = fixture) {
  for (const name of names) await rpc.write({ resource: artist(name) });
}

async function pages(request: {
  readonly pageSize?: number;
  readonly selector?: string;
}): Promise<readonly string[][]> {
  const found: string[][] = [];
  let pageToken = "";
  do {
    const page = await fixture.rpc.list({ ...artists, ...request, pageToken });
    found.push(page.resources.map(({ id: one }) => one?.name ?? ""));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

describe("pages", () => {
  it("show everything once, in order", async () => {
    await writeAll(["d", "b", "a", "e", "c"]);
    expect(await pages({ pageSize: 2 })).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(await pages({ pageSize: 5 })).toEqual([["a", "b", "c", "d", "e"]]);
  });

  it("are full of what the selector chooses", async () => {
    for (const [index, name] of ["a", "b", "c", "d", "e"].entries())
      await fixture.rpc.write({ resource: artist(name, { metadata: { odd: String(index % 2) } }) });
    expect(await pages({ pageSize: 2, selector: "odd=0" })).toEqual([["a", "c"], ["e"]]);
  });

  it("end where the bytes of an answer do", async () => {
    const name = "x".repeat(900 * 1024);
    for (const key of ["a", "b", "c", "d"])
      await fixture.rpc.write({ resource: resource(Artist, key, { name }) });
    expect(await pages({})).toEqual([["a", "b", "c"], ["d"]]);
  });

  it("all show the version of the first, whatever is written meanwhile", async () => {
    await writeAll(["a", "b", "c"]);
    const request = { ...artists, pageSize: 2 };
    const first = await fixture.rpc.list(request);
    await writeAll(["d"]);
    await fixture.rpc.delete({ id: id(Artist, "c") });
    let headers = new Headers();
    const second = await fixture.rpc.list(
      { ...request, pageToken: first.nextPageToken },
      { onHeader: (received) => (headers = received) },
    );
    expect(second.resources.map(({ id: one }) => one?.name)).toEqual(["c"]);
    expect([second.version, headers.get("trellis-version")]).toEqual([first.version, first.version]);
  });

  it("wait on a server that has not reached the first page's version", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const minima: unknown[] = [];
    const list: typeof backend.list = (query, options) => {
      minima.push(options?.minimum);
      return backend.list(query, options);
    };
    await withFixture({ backend: { ...backend, list } }, async (found) => {
      await writeAll(["a", "b"], found);
      const request = { ...artists, pageSize: 1 };
      const { nextPageToken, version } = await found.rpc.list(request);
      await found.rpc.list({ ...request, pageToken: nextPageToken });
      expect(minima).toEqual([undefined, { version: Number(version) }]);
    });
  });

  it("are refused with a token of another request, or of none", async () => {
    await writeAll(["a", "b"]);
    const { nextPageToken } = await fixture.rpc.list({ ...artists, pageSize: 1 });
    for (const wrong of [
      { pageToken: nextPageToken, namePrefix: "a" },
      { pageToken: nextPageToken, selector: "a" },
      { pageToken: nextPageToken, tenancy: { partition: "*" } },
      { pageToken: "nonsense" },
      { pageToken: Buffer.from("[1,2,3]").toString("base64url") },
      { pageToken: "x".repeat(5000) },
    ]) {
      const call = fixture.rpc.list({ ...artists, ...wrong });
      await expectInvalid(call, "page_token", "start the list again", "INVALID_PAGE_TOKEN");
    }
  });

  it("may differ in size, and are told so when something else differs", async () => {
    await writeAll(["a", "b", "c"]);
    const { nextPageToken: pageToken } = await fixture.rpc.list({ ...artists, pageSize: 1 });
    const { resources } = await fixture.rpc.list({ ...artists, pageSize: 2, pageToken });
    expect(resources.map(({ id: one }) => one?.name)).toEqual(["b", "c"]);
    const other = fixture.rpc.list({ ...artists, namePrefix: "b", pageToken });
    const words = "all fields but page_token and page_size must be as they were";
    await expectInvalid(other, "page_token", words, "INVALID_PAGE_TOKEN");
  });

  it("are refused with the token of another caller", async () => {
    await writeAll(["a", "b"]);
    const { nextPageToken: pageToken } = await fixture.rpc.list({ ...artists, pageSize: 1 });
    const defaultTenancy = { partition: "default", namespace: "default" };
    const ada = createFixture({
      backend: fixture.server.backend,
      authenticator: { authenticate: () => ({ name: "user:ada", system: false, defaultTenancy }) },
    });
    const call = ada.rpc.list({ ...artists, pageToken });
    await expectInvalid(call, "page_token", "another request", "INVALID_PAGE_TOKEN");
  });

  it("are refused with the token of another store", async () => {
    await writeAll(["a", "b"]);
    const { nextPageToken: pageToken } = await fixture.rpc.list({ ...artists, pageSize: 1 });
    const clock = { ...systemClock, now: () => systemClock.now() + 1_000 };
    await withFixture({ clock }, async ({ rpc }) => {
      await expectError(rpc.list({ ...artists, pageToken }), Code.OutOfRange, "STORE_CHANGED");
    });
  });

  it("expire with the history", async () => {
    const random = Math.random;
    const backend = createMemoryBackend({ clock: systemClock, random }, { historyCommits: 2 });
    await withFixture({ backend }, async (short) => {
      await writeAll(["a", "b", "c"], short);
      const request = { ...artists, pageSize: 1 };
      const { nextPageToken: pageToken } = await short.rpc.list(request);
      await writeAll(["d", "e", "f", "g"], short);
      await expectError(short.rpc.list({ ...request, pageToken }), Code.OutOfRange, "PAGE_EXPIRED");
    });
  });

  it("of what a resource owns are bound to that owner", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const muse = await stored(fixture.rpc.write({ resource: artist("muse") }));
    for (const name of ["a", "b", "c"])
      await fixture.rpc.write({ resource: album(name, { owner: korn.id }) });
    const first = await fixture.rpc.listByOwner({ owner: korn.id, pageSize: 2 });
    const pageToken = first.nextPageToken;
    const second = await fixture.rpc.listByOwner({ owner: korn.id, pageToken });
    const names = [...first.resources, ...second.resources].map(({ id: one }) => one?.name);
    expect([names, second.version]).toEqual([["a", "b", "c"], first.version]);
    const other = fixture.rpc.listByOwner({ owner: muse.id, pageToken });
    await expectInvalid(other, "page_token", "another request", "INVALID_PAGE_TOKEN");
  });

  it("of what a resource owns are bound to that incarnation of it", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    for (const name of ["a", "b"]) await fixture.rpc.write({ resource: album(name, { owner: korn.id }) });
    const { nextPageToken: pageToken } = await fixture.rpc.listByOwner({ owner: korn.id, pageSize: 1 });
    const other = fixture.rpc.listByOwner({ owner: { ...korn.id, uid: ULID }, pageToken });
    await expectInvalid(other, "page_token", "another request", "INVALID_PAGE_TOKEN");
  });
});
