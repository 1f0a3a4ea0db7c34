/** The first version of the demo group. */
import {
  AlbumSchema,
  ArtistSchema,
  ConceptSchema,
  ExecutiveSchema,
  RecordLabelSchema,
} from "@trellis/protos/trellis/demo/v1/demo_pb";
import { resourceType } from "@trellis/client";

/** Cluster-scoped. */
export const Executive = resourceType(ExecutiveSchema);
/** Partition-scoped. */
export const RecordLabel = resourceType(RecordLabelSchema);
/** Namespace-scoped; has no way to version 2. */
export const Artist = resourceType(ArtistSchema);
/** Namespace-scoped; converts to and from version 2. */
export const Album = resourceType(AlbumSchema);
/** Namespace-scoped, without any data. */
export const Concept = resourceType(ConceptSchema);
