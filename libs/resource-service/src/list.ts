import { create } from "@bufbuild/protobuf";
import {
  type ListRequest,
  ListRequestSchema,
  type ListResponse,
  ListResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { matchesSelector } from "@trellis/resource";

import { authorizeList, mayAccess } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { presentAs } from "./group-version.ts";
import { readPage } from "./pages.ts";
import { queryTenancy } from "./query.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { registrationOf } from "./target.ts";

/** Lists the resources of a type that the caller may read, page by page, all of one version. */
export async function list(
  environment: Environment,
  request: ListRequest,
  call: Call,
): Promise<ListResponse> {
  checkRequest(environment, ListRequestSchema, request);
  const { namePrefix, pageSize, pageToken } = request;
  const registration = registrationOf(environment, request.type, "type");
  const { group, groupVersion, kind } = registration.type;
  const units = queryTenancy(registration, request.tenancy, namePrefix, call);
  const selector = readSelector(request.selector);
  await authorizeList(environment, call, registration, request.tenancy);
  const page = await readPage(environment, call, {
    query: { group, kind, ...units, namePrefix },
    pageSize,
    pageToken,
    boundTo: [
      "list",
      group,
      groupVersion,
      kind,
      units.partition,
      units.namespace,
      namePrefix,
      request.selector,
    ],
    async see(record) {
      const resource = await presentAs(registration, record);
      if (resource === undefined || !matchesSelector(selector, resource.metadata)) return undefined;
      return (await mayAccess(environment, call, "read", registration, { resource })) === true
        ? resource
        : undefined;
    },
  });
  return create(ListResponseSchema, page);
}
