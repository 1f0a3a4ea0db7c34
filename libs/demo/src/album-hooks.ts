import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { on } from "@trellis/controller";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";

/** Shows an album that was written in version 2 to readers of version 1. */
export const albumV1Hooks = on(v1.Album, {
  convert: (stored) => {
    const album = stored.data && anyUnpack(stored.data, v2.Album.schema);
    if (album === undefined) return undefined;
    const { title, yearOfRelease, criticallyAclaimed, tracks } = album;
    return withData(stored, v1.Album.schema, {
      name: title,
      yearOfRelease,
      criticallyAcclaimed: criticallyAclaimed,
      tracks,
    });
  },
});

/** Shows an album that was written in version 1 to readers of version 2. */
export const albumV2Hooks = on(v2.Album, {
  convert: (stored) => {
    const album = stored.data && anyUnpack(stored.data, v1.Album.schema);
    if (album === undefined) return undefined;
    const { name, yearOfRelease, criticallyAcclaimed, tracks } = album;
    return withData(stored, v2.Album.schema, {
      title: name,
      yearOfRelease,
      criticallyAclaimed: criticallyAcclaimed,
      tracks,
    });
  },
});

function withData<Desc extends DescMessage>(
  stored: Resource,
  schema: Desc,
  data: MessageInitShape<Desc>,
): Resource {
  return create(ResourceSchema, { ...stored, data: anyPack(schema, create(schema, data)) });
}
