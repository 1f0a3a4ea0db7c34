import { Code } from "@connectrpc/connect";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { Call } from "./call.ts";
import type { ChecksPlanner } from "./checks.ts";
import type { Environment } from "./environment.ts";
import type { Payload } from "./payload.ts";
import { ServiceError } from "./service-error.ts";
import type { StateView } from "./state-view.ts";
import type { Target } from "./target.ts";

/** One attempt of a write: what is asked, and what is believed to be stored. */
export interface Writing {
  readonly environment: Environment;
  readonly call: Call;
  readonly view: StateView;
  readonly target: Target;
  /** The resource as the caller sent it. */
  readonly input: Resource;
  readonly payload: Payload;
  readonly mode: WriteRequest_Mode;
  /** What the request wants checked besides. */
  readonly checks: ChecksPlanner;
  /** Where the request has the resource. */
  readonly path: string;
}

/** The error for a write that would change a status. */
export function statusImmutable(path: string): ServiceError {
  const description = `${path}.status can only be set using the WriteStatus endpoint; leave it out, or send what was read`;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "STATUS_IMMUTABLE",
    message: description,
    violations: [{ field: `${path}.status`, description }],
  });
}
