import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { createRegistry } from "@trellis/registry";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { IDSchema, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType, TypedResource } from "@trellis/resource";
import { describe, expect, it } from "@jest/globals";

import demo, { v1, v2 } from "./index.ts";

const registry = createRegistry([demo]);

function hooksOf(type: ResourceType) {
  const registration = registry.resolve(type);
  if (registration === undefined) throw new Error(`${type.gvk} is not registered`);
  return registration.hooks;
}

function typed<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  data: MessageInitShape<Desc>,
): TypedResource<Desc> {
  const { group, groupVersion, kind } = type;
  const id = create(IDSchema, { type: { group, groupVersion, kind }, name: "korn" });
  return { id, version: "", generation: "", metadata: {}, status: {}, data: create(type.schema, data) };
}

describe("the demo domain", () => {
  it("has eight types in two versions of one group, each with a description", () => {
    expect(registry.types().map(({ type }) => type.gvk)).toEqual([
      "demo.v1.Album",
      "demo.v1.Artist",
      "demo.v1.Concept",
      "demo.v1.Executive",
      "demo.v1.RecordLabel",
      "demo.v2.Album",
      "demo.v2.Artist",
      "demo.v2.Festival",
    ]);
    expect(registry.types().every(({ description }) => description !== "")).toBe(true);
  });

  it.each([v1.Artist, v2.Artist])("refuses an artist without a name: $gvk", async (type) => {
    const nameless = await hooksOf(type).validate?.({ next: typed(type as ResourceType, {}) });
    expect(
      nameless?.map(({ field, description }) => [field, description.includes("artist.name required")]),
    ).toEqual([["data.name", true]]);
    expect(await hooksOf(type).validate?.({ next: typed(type as ResourceType, { name: "Korn" }) })).toEqual(
      [],
    );
  });

  it("has an artist play disco unless it says otherwise, without touching what it was given", async () => {
    const next = typed(v2.Artist, { name: "Korn" });
    const mutation = await hooksOf(v2.Artist).mutate?.({ next });
    expect(mutation?.data).toMatchObject({ name: "Korn", genre: Genre.DISCO });
    expect(next.data.genre).toBe(Genre.UNSPECIFIED);
    expect(
      await hooksOf(v2.Artist).mutate?.({ next: typed(v2.Artist, { genre: Genre.METAL }) }),
    ).toBeUndefined();
  });

  it("shows an album of either version in the other one, and back again the same", async () => {
    const album = create(v2.Album.schema, {
      title: "Issues",
      yearOfRelease: 1999,
      criticallyAclaimed: true,
      tracks: ["Dead", "Falling Away from Me"],
    });
    const old = await hooksOf(v1.Album).convert?.(
      create(ResourceSchema, { data: anyPack(v2.Album.schema, album) }),
    );
    expect(old?.data && anyUnpack(old.data, v1.Album.schema)).toMatchObject({
      name: "Issues",
      criticallyAcclaimed: true,
    });
    const back = old && (await hooksOf(v2.Album).convert?.(old));
    expect(back?.data && anyUnpack(back.data, v2.Album.schema)).toEqual(album);
  });

  it("has no way between the versions of other payloads, nor between those of an artist", async () => {
    expect(await hooksOf(v1.Album).convert?.(create(ResourceSchema))).toBeUndefined();
    expect(hooksOf(v1.Artist).convert).toBeUndefined();
    expect(hooksOf(v2.Artist).convert).toBeUndefined();
  });

  it("has access to record labels decided with the label at hand, by the server's authorizer", async () => {
    expect(
      await hooksOf(v1.RecordLabel).authorize?.({ verb: "read", caller: { name: "ada", system: false } }),
    ).toBeUndefined();
  });
});
