import { create } from "@bufbuild/protobuf";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type MutateAndValidateRequest,
  MutateAndValidateRequestSchema,
  type MutateAndValidateResponse,
  MutateAndValidateResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { Call } from "./call.ts";
import { judge } from "./candidate.ts";
import type { Environment } from "./environment.ts";
import { checkMetadata } from "./metadata.ts";
import { readPayload } from "./payload.ts";
import { checkRequest } from "./rules.ts";
import { targetOf } from "./target.ts";
import { isMarkedTenancy, markedTenancy } from "./tenancy.ts";

/** Runs a type's mutation and validation. Looks at nothing that is stored. */
export async function mutateAndValidate(
  environment: Environment,
  request: MutateAndValidateRequest,
  call: Call,
): Promise<MutateAndValidateResponse> {
  checkRequest(environment, MutateAndValidateRequestSchema, request);
  const input = request.resource ?? create(ResourceSchema);
  const target = targetOf(environment, call, input.id, "resource.id");
  checkMetadata(input.metadata, "resource.metadata");
  const payload = readPayload(target.registration.type, input.data);
  const data = payload.any === undefined ? {} : { data: payload.any };
  const { draft, tenancy } = await judge({
    writing: { environment, call, target, view: undefined, path: "resource" },
    resource: create(ResourceSchema, { ...input, ...data, id: target.id }),
    payload,
    previous: undefined,
    before: undefined,
  });
  if (isMarkedTenancy(tenancy))
    throw markedTenancy(target.units, "tenancy marked for deletion", "resource.id");
  return create(MutateAndValidateResponseSchema, { resource: draft.resource });
}
