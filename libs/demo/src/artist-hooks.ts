import { clone } from "@bufbuild/protobuf";
import { on } from "@trellis/controller";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";

import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";

/** The rule of both versions. */
function nameViolations(name: string) {
  return name === ""
    ? [{ field: "data.name", description: "artist.name required: say what the artist is called" }]
    : [];
}

/** An artist has a name. */
export const artistV1Hooks = on(v1.Artist, {
  validate: ({ next }) => nameViolations(next.data.name),
});

/** An artist has a name, and plays disco unless it says otherwise. */
export const artistV2Hooks = on(v2.Artist, {
  mutate: ({ next }) => {
    if (next.data.genre !== Genre.UNSPECIFIED) return undefined;
    const data = clone(v2.Artist.schema, next.data);
    data.genre = Genre.DISCO;
    return { data };
  },
  validate: ({ next }) => nameViolations(next.data.name),
});
