/** Types of a record company, which the tests of the platform use: all scopes, two versions of a group, all kinds of hooks, a controller. */
import { defineDomain } from "@trellis/controller";

import { albumV1Hooks, albumV2Hooks } from "./album-hooks.ts";
import { artistAlbums } from "./artist-controller.ts";
import { artistV1Hooks, artistV2Hooks } from "./artist-hooks.ts";
import { recordLabelHooks } from "./record-label-hooks.ts";
import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";

export { v1, v2 };

export default defineDomain({
  types: [v1.Executive, v1.RecordLabel, v1.Artist, v1.Album, v1.Concept, v2.Artist, v2.Album, v2.Festival],
  hooks: [recordLabelHooks, artistV1Hooks, artistV2Hooks, albumV1Hooks, albumV2Hooks],
  controllers: [artistAlbums],
});
