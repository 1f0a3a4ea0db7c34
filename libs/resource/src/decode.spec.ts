import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { AlbumSchema, ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { DataError, decodeResource } from "./decode.ts";
import { resourceType } from "./resource-type.ts";

const Artist = resourceType(ArtistSchema);
const id = { name: "korn", type: { group: "demo", groupVersion: "v2", kind: "Artist" } };

describe("decoding", () => {
  it("T417, C242: gives the resource with its payload", () => {
    const data = create(ArtistSchema, { name: "Korn" });
    const resource = create(ResourceSchema, { id, version: "7", data: anyPack(ArtistSchema, data) });
    expect(decodeResource(Artist, resource)).toMatchObject({ id, version: "7", data });
  });

  it("T421: takes an absent payload for the empty one", () => {
    expect(decodeResource(Artist, create(ResourceSchema, { id })).data).toEqual(create(ArtistSchema));
  });

  it("T419, T420, C243: of a list is that of its elements, and fails with the first that cannot be", () => {
    const of = (name: string) =>
      create(ResourceSchema, { id, data: anyPack(ArtistSchema, create(ArtistSchema, { name })) });
    const good = [of("Korn"), of("Muse")];
    const decode = (resources: typeof good) => resources.map((one) => decodeResource(Artist, one));
    expect(decode(good).map(({ data }) => data.name)).toEqual(["Korn", "Muse"]);
    const bad = create(ResourceSchema, { id, data: { typeUrl: "x/acme.Nobody" } });
    expect(() => decode([...good, bad])).toThrow("is a acme.Nobody, expected trellis.demo.v2.Artist");
  });

  it("T418, T435, T443, C242, C244, C253: refuses what is not the type's message, naming both, with its cause", () => {
    const wrong = create(ResourceSchema, { id, data: anyPack(AlbumSchema, create(AlbumSchema)) });
    expect(() => decodeResource(Artist, wrong)).toThrow(
      "the data of demo.v2.Artist korn is a trellis.demo.v2.Album, expected trellis.demo.v2.Artist",
    );
    const garbage = create(ResourceSchema, {
      id,
      data: { typeUrl: `x/${ArtistSchema.typeName}`, value: Uint8Array.of(0xff, 0xff) },
    });
    try {
      decodeResource(Artist, garbage);
      throw new Error("it was decoded");
    } catch (error) {
      expect(DataError.is(error)).toBe(true);
      expect((error as DataError).cause).toBeDefined();
    }
  });
});
