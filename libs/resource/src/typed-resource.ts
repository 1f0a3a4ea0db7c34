import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ID, Status } from "@trellis/protos/trellis/resource/v1/resource_pb";

/** A resource whose payload is decoded. Immutable by convention: change a copy. */
export interface TypedResource<Desc extends DescMessage = DescMessage> {
  readonly id: ID;
  readonly owner?: ID | undefined;
  /** The number of the commit that last changed the resource, as decimal text; empty before the first write. */
  readonly version: string;
  /** A ULID that changes with metadata, owner or data. */
  readonly generation: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: Readonly<Record<string, Status>>;
  readonly data: MessageShape<Desc>;
}
