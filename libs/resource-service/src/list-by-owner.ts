import {
  type ListByOwnerRequest,
  ListByOwnerRequestSchema,
  type ListByOwnerResponse,
  ListByOwnerResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { authorizeList } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { answerOf, readPage } from "./pages.ts";
import { checkRequest } from "./rules.ts";
import { readSelector } from "./selection.ts";
import { REQUIRED, violationsError } from "./service-error.ts";
import { createSight } from "./sight.ts";
import { targetOf } from "./target.ts";

/** Lists what one incarnation owns, of all types, as stored. What is of a type that this server does not know is left out: nobody could say who may read it. */
export async function listByOwner(
  environment: Environment,
  request: ListByOwnerRequest,
  call: Call,
): Promise<ListByOwnerResponse> {
  checkRequest(environment, ListByOwnerRequestSchema, request);
  const { registration, id, key } = targetOf(environment, call, request.owner, "owner");
  if (id.uid === "")
    throw violationsError("INVALID_REQUEST", [{ field: "owner.uid", description: REQUIRED }]);
  const selector = readSelector(request.selector);
  await authorizeList(environment, call, registration, id.tenancy);
  const page = await readPage(environment, call, {
    query: { owner: { key, uid: id.uid } },
    pageSize: request.pageSize,
    pageToken: request.pageToken,
    boundTo: ["owned", JSON.stringify(key), id.uid, request.selector],
    async see(record) {
      const { group, kind } = record.key;
      const child = environment.registry.resolve({ group, groupVersion: record.groupVersion, kind });
      if (child === undefined) return { kind: "otherVersion" };
      return await createSight({ environment, call, registration: child, selector }).see(record);
    },
  });
  return answerOf(ListByOwnerResponseSchema, call, page);
}
