import { create } from "@bufbuild/protobuf";
import {
  ListByOwnerRequestSchema,
  ListByOwnerResponseSchema,
  ListRequestSchema,
  ListResponseSchema,
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { CONSISTENCY_HEADER } from "@trellis/resource";

import { jsonResponse, type RestResponse } from "./http.ts";
import { idOf, type RestCall, type RestHandler, TENANCY_PARAMETERS, tenancyOf } from "./invoke.ts";
import { isFlagSet, readQuery } from "./query.ts";
import { resourceJson } from "./resource-json.ts";
import type { Target } from "./target.ts";
import { watchCollection } from "./watch.ts";

/** `GET …/{kind}`: a page of the type's resources; with `?watch` a stream of what happens to them. */
export const listCollection: RestHandler<Extract<Target, { kind: "collection" }>> = async (call) => {
  if (isWatch(call.request.url)) return await watchCollection(call);
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "name_prefix", "selector", "page_token"],
    flags: ["watch"],
    counts: ["page_size"],
  });
  const { group, groupVersion, kind } = call.target.type;
  const request = create(ListRequestSchema, {
    type: { group, groupVersion, kind },
    tenancy: tenancyOf(query),
    namePrefix: query.text("name_prefix") ?? "",
    selector: query.text("selector") ?? "",
    pageSize: query.count("page_size") ?? 0,
    pageToken: query.text("page_token") ?? "",
  });
  const answer = await call.service.list(request, call.context(ResourceService.method.list));
  return pageResponse(call, create(ListResponseSchema, answer));
};

/** `GET …/{name}/owned`: what the resource owns, of all types. Without `?uid` the present incarnation is meant. */
export const listOwned: RestHandler<Extract<Target, { kind: "owned" }>> = async (call) => {
  const query = readQuery(call.request.url, {
    texts: [...TENANCY_PARAMETERS, "uid", "selector", "page_token"],
    counts: ["page_size"],
  });
  const request = create(ListByOwnerRequestSchema, {
    owner:
      query.text("uid") === undefined
        ? await presentId(call, idOf(call.target, query))
        : idOf(call.target, query),
    selector: query.text("selector") ?? "",
    pageSize: query.count("page_size") ?? 0,
    pageToken: query.text("page_token") ?? "",
  });
  const answer = await call.service.listByOwner(request, call.context(ResourceService.method.listByOwner));
  return pageResponse(call, create(ListByOwnerResponseSchema, answer));
};

/** The id with the uid of the name's present incarnation. Throws NotFound when there is none. `consistency` is the request's own when absent. */
export async function presentId(call: RestCall, id: ReturnType<typeof idOf>, consistency?: "strong") {
  const answer = await call.service.read(
    create(ReadRequestSchema, { id }),
    call.context(
      ResourceService.method.read,
      consistency === undefined ? {} : { [CONSISTENCY_HEADER]: consistency },
    ),
  );
  const { resource } = create(ReadResponseSchema, answer);
  if (resource?.id === undefined) throw new TypeError("the service answered without a resource");
  return resource.id;
}

function isWatch(url: URL): boolean {
  const value = url.searchParams.get("watch");
  return value !== null && isFlagSet(value);
}

interface Page {
  readonly resources: readonly Resource[];
  readonly version: string;
  readonly nextPageToken: string;
}

function pageResponse(call: RestCall, page: Page): RestResponse {
  return jsonResponse(200, {
    resources: page.resources.map((resource) => resourceJson(resource, call.registry.schemas)),
    version: page.version,
    ...(page.nextPageToken === "" ? {} : { nextPageToken: page.nextPageToken }),
  });
}
