import type { DescMessage } from "@bufbuild/protobuf";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Cache } from "./cache.ts";
import type { Request } from "./controller.ts";

/** A change of a watched resource, as the mapper sees it. The mapper runs for what it was and for what it is. */
export interface MapInput<Desc extends DescMessage> {
  readonly resource: TypedResource<Desc>;
  readonly cache: Cache;
  /** The type that the controller manages. */
  readonly managed: ResourceType;
}

/** Says which managed resources a change of a watched one concerns. May be async; a state on which it fails it is given again, with growing waits, and the others need not wait for that. */
export type Mapper<Desc extends DescMessage = DescMessage> = (
  input: MapInput<Desc>,
) => readonly Request[] | Promise<readonly Request[]>;
