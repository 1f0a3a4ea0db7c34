import type { DescMessage } from "@bufbuild/protobuf";
import type { TypedResource } from "@trellis/resource";

/** What a resource was and what it is: it came without `previous`, and went without `next`. */
export interface Change<Desc extends DescMessage = DescMessage> {
  readonly previous?: TypedResource<Desc> | undefined;
  readonly next?: TypedResource<Desc> | undefined;
}

/** Whether a change counts. Asked only about changes of what was there and still is; coming and going always count. */
export type ChangeFilter<Desc extends DescMessage = DescMessage> = (change: Change<Desc>) => boolean;
