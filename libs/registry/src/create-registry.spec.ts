import { describe, expect, it } from "@jest/globals";
import { AlbumSchema as AlbumV1Schema } from "@trellis/protos/trellis/demo/v1/demo_pb";
import { AlbumSchema, ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { TombstoneSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { resourceType } from "@trellis/resource";

import { createRegistry } from "./create-registry.ts";
import { schemaFiles } from "./schema-files.ts";

const Artist = resourceType(ArtistSchema);
const Album = resourceType(AlbumSchema);
const AlbumV1 = resourceType(AlbumV1Schema);
const Tombstone = resourceType(TombstoneSchema);

const domain = (...types: readonly ReturnType<typeof resourceType>[]) => ({
  types,
  hooks: [],
  controllers: [],
});

describe("a registry (C251)", () => {
  it("T344, T355, T356: resolves what was registered, by exactly its version", () => {
    const registry = createRegistry([domain(Artist)]);
    expect(registry.resolve({ group: "demo", groupVersion: "v2", kind: "Artist" })?.type).toBe(Artist);
    expect(registry.resolve({ group: "demo", groupVersion: "v1", kind: "Artist" })).toBeUndefined();
    expect(registry.resolveMessage("trellis.demo.v2.Artist")?.type).toBe(Artist);
  });

  it("T354: takes the system's own types, of which only the system writes resources", () => {
    const registry = createRegistry([domain(Tombstone, Artist)]);
    expect(registry.resolve({ group: "internal", groupVersion: "v1", kind: "Tombstone" })).toMatchObject({
      type: Tombstone,
      system: true,
    });
    expect(registry.resolve(Artist)?.system).toBe(false);
    const foreign = { ...Artist, group: "internal", gvk: "internal.v2.Artist" };
    expect(() => createRegistry([domain(foreign)])).toThrow('group "internal" is the system\'s');
  });

  it("T345: takes a type once", () => {
    const registry = createRegistry([domain(Artist)]);
    expect(() => registry.register(domain(Artist))).toThrow(
      "resource type demo.v2.Artist already registered",
    );
    expect(() => createRegistry([domain(Artist, Artist)])).toThrow("already registered");
  });

  it("T375: takes versions of a kind side by side", () => {
    const registry = createRegistry([domain(Album, AlbumV1)]);
    expect(registry.versionsOf("demo", "Album").map(({ type }) => type.gvk)).toEqual([
      "demo.v1.Album",
      "demo.v2.Album",
    ]);
  });

  it("gives a group to one package prefix", () => {
    const foreign = {
      ...resourceType(WorkloadSchema),
      group: "demo",
      gvk: "demo.v1.Workload",
      schema: {
        ...WorkloadSchema,
        file: { ...WorkloadSchema.file, proto: { ...WorkloadSchema.file.proto, package: "acme.demo.v1" } },
      },
    };
    expect(() => createRegistry([domain(Artist), domain(foreign as never)])).toThrow(
      'group "demo" belongs to package trellis.demo',
    );
  });

  it("registers all of a domain, or nothing", () => {
    const registry = createRegistry([domain(Artist)]);
    expect(() => registry.register(domain(Album, Artist))).toThrow("already registered");
    expect(registry.types().map(({ type }) => type.gvk)).toEqual(["demo.v2.Artist"]);
  });

  it("refuses hooks of types that the domain does not bring, and hooks twice", () => {
    expect(() => createRegistry([{ ...domain(Artist), hooks: [{ type: Album, hooks: {} }] }])).toThrow(
      "hooks for demo.v2.Album, which the domain does not bring",
    );
    expect(() =>
      createRegistry([
        {
          ...domain(Artist),
          hooks: [
            { type: Artist, hooks: {} },
            { type: Artist, hooks: {} },
          ],
        },
      ]),
    ).toThrow("has hooks twice");
  });

  it("has a version that changes with its types only", () => {
    const registry = createRegistry([domain(Artist)]);
    const before = registry.version();
    expect(createRegistry([domain(Artist)]).version()).toBe(before);
    registry.register(domain(Album));
    expect(registry.version()).not.toBe(before);
  });

  it("describes types with the comments of their messages", () => {
    expect(createRegistry([domain(Artist)]).types()[0]?.description).toBe("A band or a musician.");
  });

  it("resolves payloads of types that are registered later", () => {
    const registry = createRegistry([domain(Artist)]);
    const { schemas } = registry;
    expect(schemas.getMessage("trellis.catalog.v1.Workload")).toBeUndefined();
    registry.register(domain(resourceType(WorkloadSchema)));
    expect(schemas.getMessage("trellis.catalog.v1.Workload")).toBe(WorkloadSchema);
  });
});

describe("the files of a schema", () => {
  it("hold the payloads and everything that they import, imports first, with comments", () => {
    const { file } = schemaFiles(createRegistry([domain(Artist)]).types());
    const names = file.map(({ name }) => name);
    expect(names.at(-1)).toBe("trellis/demo/v2/demo.proto");
    expect(names.indexOf("trellis/resource/v1/annotations.proto")).toBeLessThan(names.length - 1);
    expect(
      file
        .at(-1)
        ?.sourceCodeInfo?.location.some(({ leadingComments }) =>
          leadingComments.includes("A band or a musician."),
        ),
    ).toBe(true);
  });
});
