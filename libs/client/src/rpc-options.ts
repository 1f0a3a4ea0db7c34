import { CONSISTENCY_HEADER } from "@trellis/resource";

import type { CallOptions, ReadOptions } from "./client.ts";
import { positionOf } from "./mark.ts";

/** The options of a call, as the rpc client takes them. */
export function rpcOptions(options: ReadOptions | CallOptions) {
  const consistency = "consistency" in options ? options.consistency : undefined;
  return {
    headers: consistency === undefined ? {} : { [CONSISTENCY_HEADER]: consistency },
    onHeader(headers: Headers) {
      const position = positionOf(headers);
      if (position !== undefined) options.onPosition?.(position);
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  };
}
