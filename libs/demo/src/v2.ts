/** The second version of the demo group. */
import { AlbumSchema, ArtistSchema, FestivalSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { resourceType } from "@trellis/client";

/** Namespace-scoped; has no way to version 1. */
export const Artist = resourceType(ArtistSchema);
/** Namespace-scoped; converts to and from version 1. */
export const Album = resourceType(AlbumSchema);
/** Namespace-scoped, with references to others. */
export const Festival = resourceType(FestivalSchema);
