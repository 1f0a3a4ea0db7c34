import { create } from "@bufbuild/protobuf";
import { StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  ResourceService,
  WriteRequest_Mode,
  WriteStatusRequestSchema,
  WriteStatusResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Violation } from "@trellis/registry";

import { readJsonObject, readMessage } from "./body.ts";
import { presentId } from "./collection.ts";
import { readConditional } from "./conditional.ts";
import { asPreconditionFailure, badRequest } from "./failure.ts";
import type { RestResponse } from "./http.ts";
import { idOf, type RestCall, type RestHandler, TENANCY_PARAMETERS } from "./invoke.ts";
import { oneVersion, resourceResponse } from "./item.ts";
import { readQuery } from "./query.ts";
import type { Target } from "./target.ts";

type StatusTarget = Extract<Target, { kind: "status" }>;

/** `PUT …/{name}/status/{key}`: replaces one status; the body is `{observedGeneration, conditions}`. Without `?uid` the present incarnation is meant. */
export const writeStatus: RestHandler<StatusTarget> = async (call) => {
  const violations: Violation[] = [];
  const json = await readJsonObject(call.request);
  const status = readMessage(StatusSchema, json, "status", call.registry.schemas, violations);
  if (violations.length > 0) throw badRequest("MALFORMED_REQUEST", violations);
  return await send(call, { status });
};

/** `DELETE …/{name}/status/{key}`: removes one status. */
export const removeStatus: RestHandler<StatusTarget> = (call) => send(call, { remove: true });

async function send(
  call: RestCall<StatusTarget>,
  change: { readonly status: ReturnType<typeof create<typeof StatusSchema>> } | { readonly remove: true },
): Promise<RestResponse> {
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "uid", "version"],
    flags: ["dry_run"],
  });
  const conditional = readConditional(call.request.headers);
  if (conditional.mode === WriteRequest_Mode.CREATE) {
    throw badRequest("INVALID_REQUEST", [
      { field: "header if-none-match", description: "means nothing for a status; leave it out" },
    ]);
  }
  const version = oneVersion(query, conditional.version);
  const named = idOf(call.target, query);
  const id = named.uid === "" ? await conditionalId(call, named, conditional.reasons) : named;
  const request = create(WriteStatusRequestSchema, {
    id,
    key: call.target.key,
    version,
    dryRun: query.flag("dry_run"),
    ...change,
  });
  try {
    const answer = await call.service.writeStatus(request, call.context(ResourceService.method.writeStatus));
    const { resource } = create(WriteStatusResponseSchema, answer);
    return resourceResponse(call, resource, { dryRun: request.dryRun });
  } catch (error) {
    throw asPreconditionFailure(error, conditional.reasons);
  }
}

/** The present incarnation, read where it is certain: a status is not refused because a replica has not heard of the resource yet. */
async function conditionalId(
  call: RestCall<StatusTarget>,
  id: ReturnType<typeof idOf>,
  reasons: readonly string[],
) {
  try {
    return await presentId(call, id, "strong");
  } catch (error) {
    throw asPreconditionFailure(error, reasons);
  }
}
