import {
  type ListRequest,
  ListRequestSchema,
  type ListResponse,
  ListResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { authorizeList } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { answerOf, readPage } from "./pages.ts";
import { queryTenancy } from "./query.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { createSight } from "./sight.ts";
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
  const sight = createSight({ environment, call, registration, selector });
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
    see: (record) => sight.see(record),
  });
  return answerOf(ListResponseSchema, call, page);
}
