import { create } from "@bufbuild/protobuf";
import {
  DeleteRequestSchema,
  DeleteResponse_Outcome,
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
  WriteRequestSchema,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { apiError } from "@trellis/resource";

import { readResourceBody } from "./body.ts";
import { entityTag, isUnchanged, readConditional } from "./conditional.ts";
import { asPreconditionFailure, badRequest } from "./failure.ts";
import { jsonResponse, type RestResponse } from "./http.ts";
import { idOf, type RestCall, type RestHandler, TENANCY_PARAMETERS } from "./invoke.ts";
import { type Query, readQuery } from "./query.ts";
import { resourceJson } from "./resource-json.ts";
import type { Target } from "./target.ts";

type Item = Extract<Target, { kind: "item" }>;

/** Says in an answer what a mutation did: `created`, `updated`, `unchanged`, `deleted`, `marked`, `absent`. */
export const OUTCOME_HEADER = "trellis-outcome";

const WRITE_OUTCOMES: Readonly<Record<number, string>> = {
  [WriteResponse_Outcome.CREATED]: "created",
  [WriteResponse_Outcome.UPDATED]: "updated",
  [WriteResponse_Outcome.UNCHANGED]: "unchanged",
  [WriteResponse_Outcome.DELETED]: "deleted",
};

const DELETE_OUTCOMES: Readonly<Record<number, string>> = {
  [DeleteResponse_Outcome.ABSENT]: "absent",
  [DeleteResponse_Outcome.MARKED]: "marked",
  [DeleteResponse_Outcome.DELETED]: "deleted",
};

/** `GET …/{name}`: the resource, its version as `ETag`; 304 when `If-None-Match` names it. */
export const readItem: RestHandler<Item> = async (call) => {
  const query = readQuery(call.request.url, { texts: [...TENANCY_PARAMETERS, "uid"] });
  const request = create(ReadRequestSchema, { id: idOf(call.target, query) });
  const answer = await call.service.read(request, call.context(ResourceService.method.read));
  const { resource } = create(ReadResponseSchema, answer);
  if (resource !== undefined && isUnchanged(call.request.headers, resource.version)) {
    return { status: 304, headers: { etag: entityTag(resource.version) } };
  }
  return resourceResponse(call, resource);
};

/** `PUT …/{name}`: creates or replaces. */
export const writeItem: RestHandler<Item> = async (call) => {
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "uid", "version"],
    flags: ["dry_run"],
  });
  const conditional = readConditional(call.request.headers);
  const version = oneVersion(query, conditional.version);
  const id = idOf(call.target, query);
  const { tenancy, uid, ...body } = await readResourceBody(
    call.request,
    { ...call.target, tenancy: id.tenancy, uid: id.uid },
    call.registry.schemas,
  );
  const request = create(WriteRequestSchema, {
    resource: { ...body, id: { ...id, tenancy, uid }, version },
    dryRun: query.flag("dry_run"),
    ...(conditional.mode === undefined ? {} : { mode: conditional.mode }),
  });
  try {
    const answer = await call.service.write(request, call.context(ResourceService.method.write));
    const { resource, outcome } = create(WriteResponseSchema, answer);
    const headers = { [OUTCOME_HEADER]: WRITE_OUTCOMES[outcome] ?? "unknown" };
    return resourceResponse(call, resource, { headers, dryRun: request.dryRun });
  } catch (error) {
    throw asPreconditionFailure(error, conditional.reasons);
  }
};

/** `DELETE …/{name}`: 204, also when there was nothing to delete. */
export const deleteItem: RestHandler<Item> = async (call) => {
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "uid", "version"],
    flags: ["dry_run"],
  });
  const conditional = readConditional(call.request.headers);
  if (call.request.headers.has("if-none-match")) {
    throw badRequest("INVALID_REQUEST", [
      { field: "header if-none-match", description: "means nothing on a DELETE; leave it out" },
    ]);
  }
  const request = create(DeleteRequestSchema, {
    id: idOf(call.target, query),
    version: oneVersion(query, conditional.version),
    dryRun: query.flag("dry_run"),
  });
  try {
    const { outcome } = await call.service.delete(request, call.context(ResourceService.method.delete));
    if (outcome === DeleteResponse_Outcome.ABSENT && call.request.headers.has("if-match"))
      throw nothingToMatch(call.target);
    return { status: 204, headers: { [OUTCOME_HEADER]: DELETE_OUTCOMES[outcome ?? 0] ?? "unknown" } };
  } catch (error) {
    throw asPreconditionFailure(error, conditional.reasons);
  }
};

/** If-Match holds for nothing that is absent, whatever it names (RFC 9110 §13.1.1). */
function nothingToMatch({ type, name }: Item): Error {
  const message = `if-match wants a resource to delete, found no ${type.gvk} ${name} there; leave the header out if that is fine`;
  return apiError({ reason: "RESOURCE_NOT_FOUND", message, metadata: { applied: "no" } });
}

/** How a resource is answered. */
interface ResourceAnswer {
  readonly headers?: Readonly<Record<string, string>>;
  /** What is shown is stored nowhere, so no version stands for it: there is no `ETag`. */
  readonly dryRun?: boolean;
}

/** A resource as an answer. */
export function resourceResponse(
  call: RestCall,
  resource: Resource | undefined,
  { headers = {}, dryRun = false }: ResourceAnswer = {},
): RestResponse {
  if (resource === undefined) throw new TypeError("the service answered without a resource");
  return jsonResponse(200, resourceJson(resource, call.registry.schemas), {
    ...(dryRun ? {} : { etag: entityTag(resource.version) }),
    ...headers,
  });
}

/** The version that a mutation compares: from `?version` or from `If-Match`. Throws InvalidArgument for both. */
export function oneVersion(query: Query, fromHeader: string | undefined): string {
  const fromQuery = query.text("version");
  if (fromHeader !== undefined && fromQuery !== undefined) {
    throw badRequest("INVALID_REQUEST", [
      { field: "query.version", description: "is given beside If-Match; give one of them" },
    ]);
  }
  return fromHeader ?? fromQuery ?? "";
}
