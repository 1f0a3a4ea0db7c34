import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  album,
  Album,
  AlbumV1,
  artist,
  Artist,
  ArtistV1,
  createFixture,
  executive,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  label,
  Label,
  LONG,
  restricted,
  tenancyOf,
  typeMessage,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const MODES = ["eventual", "strong"];
const artists = { type: typeMessage(Artist), tenancy: {} };

async function names(request: object, consistency = "eventual"): Promise<readonly string[]> {
  const headers = { "trellis-consistency": consistency };
  const { resources } = await fixture.rpc.list(request, { headers });
  return resources.map((found) => found.id?.name ?? "");
}

describe("a list's request", () => {
  it.each([
    ["T199: has no type", { type: undefined }, "type", "is required"],
    ["T200: has no tenancy", { tenancy: undefined }, "tenancy", "is required"],
    [
      "T201: has a partition in mixed case",
      { tenancy: { partition: "Default" } },
      "tenancy.partition",
      "invalid",
    ],
    ["T202: has a long partition", { tenancy: { partition: LONG } }, "tenancy.partition", "invalid"],
    [
      "T203: has a namespace in mixed case",
      { tenancy: { namespace: "Default" } },
      "tenancy.namespace",
      "invalid",
    ],
    ["T204: has a long namespace", { tenancy: { namespace: LONG } }, "tenancy.namespace", "invalid"],
    ["T205: has a prefix that no name has", { namePrefix: "Violator" }, "name_prefix", "invalid"],
    ["has a selector that cannot be read", { selector: "a=(" }, "selector", "at character"],
    ["selects by a reserved key", { selector: "finalizers" }, "selector", "is reserved"],
    ["has a negative page size", { pageSize: -1 }, "page_size", ""],
  ])("is refused: %s", async (_, wrong, field, words) => {
    await expectInvalid(fixture.rpc.list({ ...artists, ...wrong } as never), field, words);
  });

  it.each([
    ["T206", Label, { namespace: "bad" }, "namespace"],
    ["T228", Executive, { partition: "bad" }, "partition"],
  ])("%s: is refused for a tenancy that the scope has none of", async (_, type, tenancy, unit) => {
    const call = fixture.rpc.list({ type: typeMessage(type), tenancy });
    await expectInvalid(call, `tenancy.${unit}`, `cannot have a ${unit}`, "WRONG_SCOPE");
  });

  it("T207: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      await expectInvalid(rpc.list(artists), "type", words, "TYPE_NOT_REGISTERED");
    });
  });
});

describe("a list", () => {
  it("T208: is empty where there is nothing, in both modes", async () => {
    for (const mode of MODES)
      expect(await names({ type: typeMessage(ArtistV1), tenancy: {} }, mode)).toEqual([]);
  });

  it("T209, T210: shows what is there, by prefix, in both modes", async () => {
    const all = Array.from({ length: 10 }, (_, n) => `${n}-artist`);
    for (const name of all) await fixture.rpc.write({ resource: artist(name) });
    for (const mode of MODES) {
      expect(await names(artists, mode)).toEqual(all);
      expect(await names({ ...artists, namePrefix: "0-" }, mode)).toEqual(["0-artist"]);
    }
  });

  it.each([
    ["T211", Artist, { namespace: "default" }],
    ["T212", Artist, { partition: "default" }],
    ["T213", Artist, {}],
    ["T214", Artist, { partition: "*" }],
    ["T215", Artist, { namespace: "*" }],
    ["T216", Label, {}],
    ["T217", Label, { partition: "*" }],
    ["T218", Label, { partition: "*", namespace: "*" }],
    ["T219", Executive, {}],
    ["T220", Executive, { partition: "*", namespace: "*" }],
  ])("%s: completes a tenancy by the type's scope", async (_, type, tenancy) => {
    for (const resource of [artist(), label(), executive()]) await fixture.rpc.write({ resource });
    const { resources } = await fixture.rpc.list({ type: typeMessage(type), tenancy });
    expect(resources.map(({ id }) => id?.type?.kind)).toEqual([type.kind]);
  });

  it("of a blank tenancy shows the caller's default one, and no other", async () => {
    await withFixture({ tenancy: tenancyOf() }, async ({ rpc }) => {
      await rpc.write({ resource: artist("here") });
      const tenancy = { partition: "ap1", namespace: "ns1" };
      await rpc.write({ resource: artist("there", { tenancy }) });
      const { resources } = await rpc.list(artists);
      expect(resources.map(({ id }) => id?.name)).toEqual(["here"]);
    });
  });

  it("T221: leaves out what is stored in a version that it cannot show, in both modes", async () => {
    await fixture.rpc.write({ resource: artist() });
    for (const mode of MODES)
      expect(await names({ type: typeMessage(ArtistV1), tenancy: {} }, mode)).toEqual([]);
  });

  it("shows what is stored in another version through the type's converter", async () => {
    await fixture.rpc.write({ resource: album() });
    const { resources } = await fixture.rpc.list({ type: typeMessage(AlbumV1), tenancy: {} });
    expect(resources.map(({ id }) => id?.type?.groupVersion)).toEqual(["v1"]);
    expect(await names({ type: typeMessage(Album), tenancy: {} })).toEqual(["issues"]);
  });

  it.each([
    ["T222: eventual by default", {}, "eventual"],
    ["T223: strong when asked", { "trellis-consistency": "strong" }, "strong"],
  ])("reaches storage with its consistency: %s", async (_, headers, expected) => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const asked: unknown[] = [];
    const list: typeof backend.list = (query, options) => {
      asked.push(options?.consistency);
      return backend.list(query, options);
    };
    await withFixture({ backend: { ...backend, list } }, async ({ rpc }) => {
      await rpc.list(artists, { headers });
      expect(asked).toEqual([expected]);
    });
  });

  it("T227: of an unknown tenancy is empty", async () => {
    expect(await names({ ...artists, tenancy: { partition: "nowhere" } })).toEqual([]);
    expect(await names({ ...artists, tenancy: { namespace: "nowhere" } })).toEqual([]);
  });

  it("T231: is ordered by partition, namespace, name", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    await withFixture({ backend, tenancy: tenancyOf() }, async ({ rpc }) => {
      for (const partition of ["default", "ap1"])
        for (const name of ["c", "a", "b"]) {
          const tenancy = { partition, namespace: "ns1" };
          await rpc.write({ resource: artist(name, { tenancy }) });
        }
      const tenancy = { partition: "*", namespace: "*" };
      const { resources } = await rpc.list({ ...artists, tenancy });
      expect(resources.map(({ id }) => `${id?.tenancy?.partition} ${id?.name}`)).toEqual([
        "ap1 a",
        "ap1 b",
        "ap1 c",
        "default a",
        "default b",
        "default c",
      ]);
    });
  });

  it("selects by metadata", async () => {
    await fixture.rpc.write({ resource: artist("a", { metadata: { team: "web", tier: "1" } }) });
    await fixture.rpc.write({ resource: artist("b", { metadata: { team: "data" } }) });
    expect(await names({ ...artists, selector: "team in (web, data), !tier" })).toEqual(["b"]);
  });
});

describe("the caller of a list", () => {
  it("T224: is denied without the right to list", async () => {
    const words = "lacks permission 'list demo.v2.Artist'";
    const call = restricted(fixture, "read demo.v2.Artist").list(artists);
    await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED", words);
  });

  it("T225: sees nothing that it may not read", async () => {
    await fixture.rpc.write({ resource: artist() });
    expect((await restricted(fixture, "list demo.v2.Artist").list(artists)).resources).toEqual([]);
  });

  it("T226: sees what it may read", async () => {
    await fixture.rpc.write({ resource: artist() });
    const rpc = restricted(fixture, "list demo.v2.Artist", "read demo.v2.Artist");
    expect((await rpc.list(artists)).resources).toHaveLength(1);
  });

  it("T229: gets an internal error when one resource cannot be judged", async () => {
    await fixture.rpc.write({ resource: artist() });
    const { rpc } = createFixture({
      backend: fixture.server.backend,
      authorizer: {
        decide({ verb }) {
          if (verb === "read") throw new Error("secret");
          return { decision: "allow" };
        },
      },
    });
    await expectError(rpc.list(artists), Code.Internal, "HOOK_FAILED");
  });

  it("T230: is judged in the tenancy of each resource", async () => {
    const tenancy = tenancyOf();
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    await withFixture({ tenancy, backend }, async ({ rpc }) => {
      for (const partition of ["ap1", "ap2"])
        await rpc.write({ resource: artist("korn", { tenancy: { partition, namespace: "ns1" } }) });
      const some = createFixture({
        tenancy,
        backend,
        authorizer: {
          decide: ({ verb, tenancy: units }) =>
            verb === "list" || units?.partition === "ap2"
              ? { decision: "allow" }
              : { decision: "deny", reason: "not here" },
        },
      });
      const { resources } = await some.rpc.list({ ...artists, tenancy: { partition: "*", namespace: "*" } });
      expect(resources.map(({ id }) => id?.tenancy?.partition)).toEqual(["ap2"]);
    });
  });
});
