import type { DescMessage } from "@bufbuild/protobuf";
import type { Client as RpcClient } from "@connectrpc/connect";
import type { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { CONSISTENCY_HEADER, errorReason, type ResourceType, type TypedResource } from "@trellis/resource";

import type { ListOptions, ListQuery } from "./client.ts";
import { decodeAnswer, nameKey, typeOf } from "./convert.ts";

/** How often a list may start over before its caller learns of it. */
const MAX_RESTARTS = 5;

/**
 * Lists page by page. When the version that the pages show is gone (a slow reader, a new store), the list goes on in the present behind what it gave
 * last, and says so through `onRestart`.
 */
export async function* listAll<Desc extends DescMessage>(
  rpc: RpcClient<typeof ResourceService>,
  type: ResourceType<Desc>,
  query: ListQuery,
  options: ListOptions,
): AsyncGenerator<TypedResource<Desc>> {
  const { partition = "", namespace = "", namePrefix = "", selector = "" } = query;
  const { signal, timeoutMs, consistency, pageSize = 0 } = options;
  const headers = consistency === undefined ? {} : { [CONSISTENCY_HEADER]: consistency };
  const callOptions = {
    headers,
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  let pageToken = "";
  let last: string | undefined;
  let behind: string | undefined;
  for (let restarts = 0; ;) {
    try {
      const request = {
        type: typeOf(type),
        tenancy: { partition, namespace },
        namePrefix,
        selector,
        pageSize,
        pageToken,
      };
      const page = await rpc.list(request, callOptions);
      for (const resource of page.resources) {
        const typed = decodeAnswer(type, resource);
        const key = nameKey(typed.id);
        if (behind !== undefined && key <= behind) continue;
        last = key;
        yield typed;
      }
      pageToken = page.nextPageToken;
      if (pageToken === "") return;
    } catch (error) {
      const gone = ["PAGE_EXPIRED", "STORE_CHANGED"].includes(errorReason(error) ?? "");
      if (!gone || pageToken === "" || restarts === MAX_RESTARTS) throw error;
      restarts += 1;
      options.onRestart?.();
      pageToken = "";
      behind = last;
    }
  }
}
